"""`egi models`: the shipped models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli.options import Precision, PrecisionOption

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_command() -> None:
    """Names of the shipped models, with their size, frame spacing, largest molecules, solvents and temperatures."""
    from eginterpolator.models.conditions import conditions_text
    from eginterpolator.models.registry import list_models, model_folder

    for name in list_models():
        folder = model_folder(name)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        size = (folder / "model.safetensors").stat().st_size / 1e6
        spacing, most = config.get("frame_ps"), config.get("limits", {}).get("max_heavy_atoms")
        frames = f"frames of {spacing} ps" if spacing else "independent frames"
        atoms = f"up to {most} heavy atoms" if most else "any size"
        facts = (name, config["model"]["class"], f"{size:.1f} MB", frames, atoms, conditions_text(config))
        typer.echo("\t".join(facts))


@app.command("show")
def show_command(name: Annotated[str, typer.Argument(help="A shipped model or a checkpoint folder.")]) -> None:
    """The model's card and settings."""
    from eginterpolator.models.registry import model_folder

    folder = model_folder(name)
    card = folder / "card.md"
    if card.is_file():
        typer.echo(card.read_text(encoding="utf-8"))
    typer.echo((folder / "config.json").read_text(encoding="utf-8"))


@app.command("export")
def export_command(
    name: Annotated[str, typer.Argument(help="A shipped model or a checkpoint folder.")],
    out: Annotated[Path, typer.Argument(help="Folder to copy it to.")],
) -> None:
    """Copy a model's folder, to change it or to use it elsewhere."""
    from eginterpolator.models.registry import export_model

    typer.echo(str(export_model(name, out)))


@app.command("compile")
def compile_command(
    name: Annotated[str, typer.Argument(help="A shipped model or a checkpoint folder.")],
    precision: PrecisionOption = Precision.auto,
) -> None:
    """Compile a model's layers for this machine, once: egi generate is then about twice as fast on a processor that
    kernels are not written for.

    It needs a C++ compiler and a minute or two. What is compiled is kept in the cache (~/.cache/eginterpolator) until
    PyTorch, this package or the processor changes.
    """
    from eginterpolator.generation.tasks import layer_settings
    from eginterpolator.models.ahead import compile_layers
    from eginterpolator.models.compiled import with_kernels
    from eginterpolator.models.registry import load_model

    model = load_model(name)
    settings = layer_settings(model, precision.value)
    if with_kernels(model.denoiser, settings.precision):
        typer.echo(
            "Kernels are ready for this processor and faster than compiled layers: nothing to compile.", err=True
        )
        return
    for path in compile_layers(model, settings, lambda kind: typer.echo(f"Compiling the {kind} layer ...", err=True)):
        typer.echo(str(path))
