"""`egi conformers`: independent structures of the molecules of INPUT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.charges import Ph, read_at_ph
from eginterpolator.cli.groups import grouped


@grouped
def conformers_command(
    source: o.Source,
    *,
    num: Annotated[int, typer.Option(min=1, help="Conformers of each molecule.")] = 50,
    model: Annotated[
        str, typer.Option(help="A shipped model, a checkpoint folder, auto (the one that fits), or etkdg.")
    ] = "auto",
    ensemble: Annotated[
        str,
        typer.Option(help="thermal (as --solvent and --temperature say) or minimum (relaxed geometries, as in QM9)."),
    ] = "thermal",
    sampling: o.SamplingOptions,
    ph: Ph = None,
    name: o.Name = None,
    out: o.Out = Path("conformers"),
    overwrite: o.Overwrite = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    job: o.LoggedJobOptions,
) -> None:
    """Generate conformers of INPUT into <name>/conformers.sdf: the structure model alone (strength 0), or ETKDG."""
    helpers = job.begin()
    molecules, failures = read_at_ph(job, source, name, ph)  # before anything that takes seconds to import
    from eginterpolator.cli.progress import Progress
    from eginterpolator.errors import InputError
    from eginterpolator.files.inputs import prepare_out
    from eginterpolator.generation.runs import run_conformers, run_etkdg
    from eginterpolator.generation.tasks import network_calls, resolve_device
    from eginterpolator.models.choice import Models

    config = sampling.config(n_frames=1, n_samples=num, seed=job.seed, strength=0.0, ensemble=ensemble)
    prepare_out(out)
    loaded = None if model == "etkdg" else Models.load(model, "cpu" if helpers else resolve_device(config.device))
    if loaded:
        config, loaded = sampling.asked(config, loaded)
    elif sampling.solvent or sampling.temperature != o.SamplingOptions.temperature:
        raise InputError("ETKDG knows neither solvent nor temperature; leave --solvent and --temperature away.")
    calls = max(network_calls(each, config) for each in loaded.models) if loaded else 1
    with Progress(calls * len(molecules), job.quiet) as progress:
        hooks = progress.hooks(calls)
        if loaded:
            force = sampling.force
            result = run_conformers(loaded, molecules, out, num, config, failures, force, overwrite, hooks, helpers)
        else:
            result = run_etkdg(molecules, out, num, job.seed, sampling.hydrogens, failures, overwrite, hooks, helpers)
    if report and result.rows:
        from eginterpolator.report import write_folder_report

        write_folder_report(out)
    o.finish(result, job.as_json)
