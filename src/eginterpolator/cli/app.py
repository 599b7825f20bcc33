"""The typer application; command modules import what is heavy inside their functions."""

from __future__ import annotations

from typing import Annotated

import typer

from eginterpolator.cli import (
    benchmark,
    cluster,
    compare,
    conformers,
    convert,
    data,
    evaluate,
    generate,
    models,
    plan,
    serve,
    simulate,
    train,
    view,
)

app = typer.Typer(
    name="egi",
    help="Molecular-dynamics trajectories of small molecules from a generative model. "
    "--debug after any command shows the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        import eginterpolator

        typer.echo(f"egi {eginterpolator.__version__}")
        raise typer.Exit


@app.callback()
def _egi(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.command("generate")(generate.generate_command)
app.command("conformers")(conformers.conformers_command)
app.command("plan")(plan.plan_command)
app.command("cluster")(cluster.cluster_command)
app.command("simulate")(simulate.simulate_command)
app.command("train")(train.train_command)
app.command("benchmark")(benchmark.benchmark_command)
app.command("view")(view.view_command)
app.command("convert")(convert.convert_command)
app.command("compare")(compare.compare_command)
app.command("serve")(serve.serve_command)
app.add_typer(data.app, name="data", help="Build and check datasets.")
app.add_typer(evaluate.app, name="evaluate", help="Judge trajectories against reference simulations.")
app.add_typer(models.app, name="models", help="List, show and copy models.")
