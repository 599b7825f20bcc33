"""`egi conformers`: independent structures of the molecules of INPUT."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.charges import Ph, read_at_ph
from eginterpolator.cli.groups import grouped

if TYPE_CHECKING:
    from eginterpolator.jobs.molecules import RunResult
    from eginterpolator.simulation.conformers import RankSettings


SHOWN = 5
"""Molecules that each have a line on what is left of their structures."""


class Energies(StrEnum):
    """What relaxes and ranks structures."""

    none = "none"
    sage = "sage"
    gfn2 = "gfn2"
    mmff = "mmff"


class PopulationsOf(StrEnum):
    """Where populations of clusters come from."""

    minima = "minima"
    thermal = "thermal"


@dataclass(frozen=True)
class RankOptions:
    """What becomes of the structures."""

    energies: Annotated[
        Energies,
        typer.Option(help="Relax and rank: none, sage (extra \\[md]), gfn2 (extra \\[xtb]) or mmff."),
    ] = Energies.none
    window: Annotated[
        float | None, typer.Option(metavar="KCAL", help="Leave out what is higher above the lowest, kcal/mol; 6.")
    ] = None
    prune_rmsd: Annotated[
        float | None, typer.Option(metavar="Å", help="Leave out what is nearer to a lower one; .125 with energies.")
    ] = None
    clusters: Annotated[
        str | None,
        typer.Option(metavar="N|RMSD", help="So many clusters (5), or within an RMSD in Å (0.5, with energies)."),
    ] = None
    populations_at: Annotated[
        float | None, typer.Option(metavar="K", help="Temperature of the populations; 298.15.")
    ] = None
    relax_in: Annotated[
        str | None, typer.Option(help="sage: water or vacuum; gfn2: vacuum, water, dmso, thf ... (ALPB).")
    ] = None
    populations: Annotated[
        PopulationsOf,
        typer.Option(help="minima: Boltzmann weights; thermal: those of a simulation (Sage) beside them."),
    ] = PopulationsOf.minima

    def ranking(self, hydrogens: bool) -> RankSettings:
        """The settings that they are; InputError where they do not fit each other or something is missing here."""
        from eginterpolator.simulation.conformers import RankSettings

        settings = RankSettings.of(
            self.energies.value, window_kcal=self.window, prune_rmsd=self.prune_rmsd, clusters=self.clusters,
            temperature_K=self.populations_at, solvent=self.relax_in, populations=self.populations.value,
        )  # fmt: skip
        settings.require(hydrogens)
        return settings


@grouped
def conformers_command(
    source: o.Source,
    *,
    num: Annotated[int, typer.Option(min=1, help="Structures of each molecule that are generated.")] = 50,
    model: Annotated[
        str, typer.Option(help="A shipped model, a checkpoint folder, auto (the one that fits), or etkdg.")
    ] = "auto",
    ensemble: Annotated[
        str,
        typer.Option(help="thermal (as --solvent and --temperature say) or minimum (relaxed geometries, as in QM9)."),
    ] = "thermal",
    rank: RankOptions,
    sampling: o.SamplingOptions,
    conditions: o.ConditionOptions,
    ph: Ph = None,
    name: o.Name = None,
    out: o.Out = Path("conformers"),
    overwrite: o.Overwrite = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    job: o.LoggedJobOptions,
) -> None:
    """Generate conformers of INPUT into <name>/conformers.sdf: the structure model alone (strength 0), or ETKDG."""
    helpers = job.begin()
    ranking = rank.ranking(sampling.hydrogens)
    molecules, failures = read_at_ph(job, source, name, ph)  # before anything that takes seconds to import
    from eginterpolator.cli.progress import Progress
    from eginterpolator.files.inputs import prepare_out
    from eginterpolator.generation.conformers import refuse_conditions
    from eginterpolator.generation.runs import run_conformers, run_etkdg
    from eginterpolator.generation.tasks import network_calls, resolve_device
    from eginterpolator.models.choice import Models

    config = sampling.config(
        n_frames=1, n_samples=num, seed=job.seed, strength=0.0, ensemble=ensemble, temperature_K=conditions.temperature
    )
    prepare_out(out)
    loaded = None if model == "etkdg" else Models.load(model, "cpu" if helpers else resolve_device(config.device))
    if loaded:
        config, loaded = conditions.asked(config, loaded)
    else:
        refuse_conditions(conditions.solvent, conditions.temperature)
    calls = max(network_calls(each, config) for each in loaded.models) if loaded else 1
    with Progress(calls * len(molecules), job.quiet) as progress:
        hooks = progress.hooks(calls)
        if loaded:
            force = sampling.force
            result = run_conformers(
                loaded, molecules, out, num, config, failures, force, overwrite, hooks, helpers, ranking
            )  # fmt: skip
        else:
            hydrogens = sampling.hydrogens
            result = run_etkdg(
                molecules, out, num, job.seed, hydrogens, failures, overwrite, hooks, helpers, ranking
            )  # fmt: skip
    if not (job.quiet or job.as_json):
        _say_what_is_left(result)
    if report and result.rows:
        from eginterpolator.report import write_folder_report

        write_folder_report(out)
    o.finish(result, job.as_json)


def _say_what_is_left(result: RunResult) -> None:
    """A line on each molecule whose structures were ranked, of many a line on all of them together."""
    from eginterpolator.simulation.conformers import ranking_line, summed

    facts = {row["name"]: row["ranking"] for row in result.rows if row.get("ranking")}
    if len(facts) > SHOWN:
        facts = {f"{len(facts)} molecules": summed(list(facts.values()))}
    for name, each in facts.items():
        typer.echo(f"{name}: {ranking_line(each)}")
