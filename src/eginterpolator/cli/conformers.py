"""`egi conformers`: independent structures of the molecules of INPUT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli import options as o


def conformers_command(
    source: o.Source,
    num: Annotated[int, typer.Option(min=1, help="Conformers of each molecule.")] = 50,
    model: Annotated[
        str, typer.Option(help="A shipped model, a checkpoint folder, auto (the one that fits), or etkdg.")
    ] = "auto",
    steps: o.Steps = None,
    sampler: o.SamplerName = None,
    seed: o.Seed = 0,
    ensemble: Annotated[
        str, typer.Option(help="thermal (300 K, implicit water) or minimum (relaxed geometries, as in QM9).")
    ] = "thermal",
    hydrogens: o.Hydrogens = True,
    out: o.Out = Path("conformers"),
    device: o.DeviceOption = o.Device.auto,
    precision: o.PrecisionOption = o.Precision.auto,
    batch: o.BatchOption = "auto",
    stereo: o.Stereo = o.StereoMode.ask,
    force: o.Force = False,
    overwrite: o.Overwrite = False,
    workers: o.WorkerCount = None,
    scheduler: o.Scheduler = None,
    threads: o.Threads = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Generate conformers of INPUT into <name>/conformers.sdf: the structure model alone (strength 0), or ETKDG."""
    o.set_logging(verbose, quiet)
    from eginterpolator.files.inputs import prepare_out, read_inputs

    helpers = o.chosen_workers(workers, scheduler, threads)
    molecules, failures = read_inputs(source, stereo.value)  # before anything that takes seconds to import
    from eginterpolator.cli.progress import Progress
    from eginterpolator.generation.runs import run_conformers, run_etkdg
    from eginterpolator.generation.tasks import GenerationConfig, network_calls, resolve_device
    from eginterpolator.models.choice import Models

    config = GenerationConfig(
        n_frames=1, n_samples=num, seed=seed, strength=0.0, steps=steps, sampler=sampler, hydrogens=hydrogens,
        device=device.value, precision=precision.value, batch=o.parse_batch(batch), ensemble=ensemble,
    )  # fmt: skip
    prepare_out(out)
    loaded = None if model == "etkdg" else Models.load(model, "cpu" if helpers else resolve_device(device.value))
    calls = max(network_calls(each, config) for each in loaded.models) if loaded else 1
    with Progress(calls * len(molecules), quiet) as progress:
        hooks = progress.hooks(calls)
        if loaded:
            result = run_conformers(loaded, molecules, out, num, config, failures, force, overwrite, hooks, helpers)
        else:
            result = run_etkdg(molecules, out, num, seed, hydrogens, failures, overwrite, hooks, helpers)
    o.finish(result, as_json)
