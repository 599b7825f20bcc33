"""`egi evaluate`: trajectories against reference simulations, conformers against reference ensembles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eginterpolator.cli import evaluate_published
from eginterpolator.cli import options as o
from eginterpolator.cli.groups import grouped
from eginterpolator.cli.metric_tables import print_table

if TYPE_CHECKING:
    from eginterpolator.evaluation.conformers import ConformerEvaluation
    from eginterpolator.evaluation.trajectories import Evaluation

app = typer.Typer(no_args_is_help=True)
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every number there.")]
ReportFile = Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page that shows the evaluation.")]


SOURCES = "a folder of molecule folders, a dataset (.h5), a table of trajectories (.csv), or a trajectory file"
COLUMNS = {
    "length": "length", "angle": "angle", "torsion": "torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1", "msm": "MSM",
    "stereo_retention": "stereo", "valid": "valid",
}  # fmt: skip
KINETICS = {
    "within_factor_two": "times within x2", "median_ratio": "time / reference's", "measured": "torsions",
    "vamp2_gap": "VAMP-2 gap", "timescale_error": "timescale error", "slowest_within_factor_two": "slowest within x2",
    "density_divergence": "TICA density, nats",
}  # fmt: skip


@app.callback()
def _group() -> None:
    """Judge trajectories against reference simulations, and conformers against reference ensembles."""


@app.command("trajectories")
@grouped
def trajectories_command(
    generated: Annotated[Path, typer.Argument(metavar="GENERATED", help=f"What to judge: {SOURCES}.")],
    reference: Annotated[
        Path | None,
        typer.Argument(
            metavar="REFERENCE",
            help="Simulations with several replicas each, in the same forms; with --simulate where they go.",
        ),
    ] = None,
    *,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate",
            help="Simulate what REFERENCE lacks (by default GENERATED_md): OBC2, 16 replicas of 2.6 ns; extra \\[md].",
        ),
    ] = False,
    protocol: Annotated[
        str | None,
        typer.Option(metavar="qm9|drugs", help="Judge exactly as published for this data set; default: as we do."),
    ] = None,
    json_file: JsonFile = None,
    oracle_replicas: Annotated[
        int | None,
        typer.Option(
            min=0, help="Replicas in each block that is held against the others as oracle; by default a quarter."
        ),
    ] = None,
    oracle: Annotated[
        bool, typer.Option("--oracle/--no-oracle", help="Judge blocks of the reference's own replicas as well.")
    ] = True,
    frames: Annotated[int, typer.Option(min=2, help="Frames that a replica should have; shorter is noted.")] = 500,
    frame_ps: Annotated[float, typer.Option(help="Frame spacing at which kinetics are compared.")] = 5.2,
    seed: Annotated[int, typer.Option(min=0, help="Seed of intervals and of k-means.")] = 0,
    report: ReportFile = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a PNG and an SVG of each molecule and of the table there.")
    ] = None,
    energies: Annotated[
        int, typer.Option(min=0, metavar="N", help="Compare Sage/OBC2 energies of N frames a molecule; extra \\[md].")
    ] = 0,
    xtb: Annotated[
        bool, typer.Option("--xtb", help="GFN2-xTB energies of these frames as well; needs tblite.")
    ] = False,
    paths: Annotated[
        bool | None,
        typer.Option(
            "--paths/--no-paths", help="Judge trajectories as paths between their ends; default: as generated."
        ),
    ] = None,
    topology: o.Topology = None,
    molecule: Annotated[
        str | None, typer.Option(help="Of a trajectory file: SMILES or SDF, for bond orders that its PDB lacks.")
    ] = None,
    file_frame_ps: Annotated[
        float | None, typer.Option(help="Of a trajectory file: time between its frames, ps; goes before what it says.")
    ] = None,
    workers: o.WorkerOptions,
    verbose: o.Verbose = False,
) -> None:
    """Distances, kinetics, stereo and validity of GENERATED, with the leave-one-out oracle of REFERENCE beside."""
    o.set_logging(verbose, False)
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.errors import InputError
    from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
    from eginterpolator.files.io import write_json

    _check_outputs(report, figures)
    if xtb and not energies:
        raise typer.BadParameter("--xtb goes with --energies N, the number of frames a molecule.")
    files = ImportOptions(topology=topology, molecule=molecule, frame_ps=file_frame_ps)
    reference = _simulated(generated, reference, seed, workers) if simulate else reference
    if reference is None:
        raise InputError("Name the REFERENCE to judge by, or pass --simulate to have it made.")
    if protocol is not None:
        evaluate_published.refuse_others(
            {
                "--oracle-replicas": oracle_replicas not in (None, 1),
                "--no-oracle": not oracle,
                "--frames": frames != 500,
                "--frame-ps": frame_ps != 5.2,
                "--figures": figures is not None,
                "--energies": energies > 0,
            }
        )
        failures = evaluate_published.judge_and_print(
            generated.resolve(), reference.resolve(), protocol, seed=seed, paths=paths, json_file=json_file,
            report=report, workers=workers.helpers(), files=files,
        )  # fmt: skip
        _report(failures)
        return
    config = EvaluationConfig(
        frame_ps=frame_ps, n_frames=frames, oracle_replicas=oracle_replicas, oracle=oracle, seed=seed, paths=paths,
        energy_frames=energies, xtb=xtb, curves=report is not None or figures is not None,
    )  # fmt: skip
    result = evaluate_folders(generated.resolve(), reference.resolve(), config, workers.helpers(), files)
    if json_file is not None:
        write_json(json_file, result.to_dict())
    if report is not None:
        from eginterpolator.report.evaluation_page import write_evaluation_report

        write_evaluation_report(report, result, title=generated.resolve().name)
    if figures is not None:
        from eginterpolator.report.evaluation_figures import write_figures

        write_figures(figures, result)
    _print(result)
    _report(result.failures)


@app.command("conformers")
@grouped
def conformers_command(
    generated: Annotated[
        Path, typer.Argument(metavar="GENERATED", help="Folder of <name>/conformers.sdf, or a dataset (.h5).")
    ],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Reference ensembles in the same forms.")],
    *,
    json_file: JsonFile = None,
    delta: Annotated[
        list[float] | None,
        typer.Option(help="Coverage threshold in Å, several times for several; 0.5 (QM9), 0.75 and 1.25 (Drugs)."),
    ] = None,
    max_matches: Annotated[int, typer.Option(min=1, help="Symmetric numberings to look through, at most.")] = 10_000,
    report: ReportFile = None,
    workers: o.WorkerOptions,
) -> None:
    """Coverage and matching (COV, MAT) of GENERATED; a failed molecule counts with coverage 0 and is listed."""
    from eginterpolator.evaluation.conformers import DELTAS, evaluate_conformer_folders
    from eginterpolator.files.io import write_json

    _check_outputs(report, None)
    result = evaluate_conformer_folders(
        generated.resolve(), reference.resolve(), delta or DELTAS, max_matches, workers.helpers()
    )  # fmt: skip
    if json_file is not None:
        write_json(json_file, result.to_dict())
    if report is not None:
        from eginterpolator.report.evaluation_page import write_evaluation_report

        write_evaluation_report(report, result, _published_conformers(result.deltas), title=generated.resolve().name)
    _print_conformers(result)
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    _report(result.failures)


def _simulated(generated: Path, reference: Path | None, seed: int, workers: o.WorkerOptions) -> Path:
    """The folder of references, made where they are missing."""
    from eginterpolator.cli.progress import Progress
    from eginterpolator.evaluation.references import beside, simulate_references
    from eginterpolator.evaluation.sources import trajectory_sources

    out = reference or beside(generated)
    with Progress(len(trajectory_sources(generated)), False) as progress:
        made = simulate_references(generated, out, seed=seed, hooks=progress.hooks(1), workers=workers.helpers())
    for failure in made.failures:
        print(f"no reference: {failure.name}: {failure.reason}", file=sys.stderr)
    return out


def _check_outputs(report: Path | None, figures: Path | None) -> None:
    """Refuse what could not be written at the end, before any work."""
    from eginterpolator.errors import InputError

    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"The report is a page; give --report a name such as report.html instead of '{report}'.")
    if figures is not None:
        from eginterpolator.report.evaluation_figures import require_matplotlib

        require_matplotlib()
        if figures.exists() and not figures.is_dir():
            raise InputError(f"'{figures}' is no folder; give --figures another name.")


def _published_conformers(deltas: tuple[float, ...]) -> dict[float, dict[str, Any]]:
    """Published rows at each threshold that has some, labelled with their source and data set."""
    from eginterpolator.evaluation.published import SOURCE, published_conformers

    return {
        delta: {
            f"{name}, {dataset} ({SOURCE})": row
            for dataset in ("qm9", "drugs")
            for name, row in published_conformers(dataset, delta).items()
        }
        for delta in deltas
    }


def _report(failures: list[dict[str, str]]) -> None:
    for failure in failures:
        print(f"failed: {failure['name']}: {failure['reason']}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _print(result: Evaluation) -> None:
    from eginterpolator.evaluation.basis import frames_text, oracle_label
    from eginterpolator.evaluation.kinetics import LAG_FRAMES
    from eginterpolator.evaluation.slow_modes import DENSITY_BINS

    values = result.to_dict()
    rows: dict[str, dict[str, Any]] = {}
    held_out = oracle_label(result.basis.values())
    if result.generated or not result.oracle:
        rows[f"generated, {len(result.generated)} molecules"] = values["generated"]
    if result.oracle:
        rows[f"{held_out}, {len(result.oracle)} molecules"] = values["oracle"]
    both = {"generated minus it": values["differences"]} if values["differences"] else {}
    lag = LAG_FRAMES * result.config.frame_ps
    print_table(
        "Our protocol: Jensen-Shannon distance to the reference, every frame, mean / median", COLUMNS, {**rows, **both}
    )
    kinetics = {label: {**row.get("torsion_times", {}), **row.get("slow_modes", {})} for label, row in rows.items()}
    print_table(
        f"Kinetics, mean (95 %) or mean / median: measured torsions; the rest at a lag of {lag:g} ps, density in "
        f"{DENSITY_BINS} x "
        f"{DENSITY_BINS} bins", KINETICS, {**kinetics, **both},
    )  # fmt: skip
    if both:
        at = [name for name, found in values["differences"].items() if found["at_oracle"]]
        told = any(found["at_oracle"] is not None for found in values["differences"].values())
        said = ", ".join(at) or "nothing" if told else "not told of so few molecules"
        print(f"at the oracle (the interval of the difference holds zero): {said}")
    used = {
        "reference": [each.reference for each in result.basis.values()],
        "a block of it": [each.oracle for each in result.basis.values()],
        "generated": [each.generated for each in result.basis.values()],
    }
    print(
        "trajectories x frames of a molecule at the spacing of kinetics: "
        + ", ".join(f"{k} {frames_text(v)}" for k, v in used.items() if any(v))
    )
    for note in sorted({note for each in result.basis.values() for note in each.shortness(result.config.n_frames)}):
        print(f"note: {note}", file=sys.stderr)
    for label, row in rows.items():
        if row:
            print(f"{label}: stereo over the {row['molecules_with_stereo']} with stereo", end="")
            rigid = row["too_rigid_for_tica"]
            print(f"; too rigid for TICA: {', '.join(rigid)}" if rigid else "")


def _print_conformers(result: ConformerEvaluation) -> None:
    columns = {"cov_r": "COV-R", "mat_r": "MAT-R, Å", "cov_p": "COV-P", "mat_p": "MAT-P, Å"}
    title = f"Coverage (shares) and matching of {len(result.matchings)} molecules, mean / median"
    print_table(title, columns, {f"within {delta:g} Å": result.summary(delta) for delta in result.deltas})
