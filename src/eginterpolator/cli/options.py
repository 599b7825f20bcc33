"""Options that several commands share, and what they print at the end. Imports nothing heavy."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.files.inputs import Failure
    from eginterpolator.generation.tasks import GenerationConfig
    from eginterpolator.jobs.molecules import RunResult
    from eginterpolator.jobs.tasks import Workers
    from eginterpolator.models.choice import Models


class StereoMode(StrEnum):
    """What happens to a SMILES whose stereo is open."""

    ask = "ask"
    enumerate = "enumerate"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Solvent(StrEnum):
    """What frames are to be in."""

    water = "water"
    implicit = "implicit"
    none = "none"


class Precision(StrEnum):
    """Arithmetic of the networks."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


Source = Annotated[
    str, typer.Argument(metavar="INPUT", help="A SMILES, a .smi, .csv or .sdf file (also .gz), or a folder.")
]
Name = Annotated[
    str | None, typer.Option(help="Folder of a single molecule; a bare SMILES is named after itself by default.")
]
Topology = Annotated[
    Path | None, typer.Option(help="Atoms of a trajectory file: PDB, SDF or MOL2; topology.pdb beside it by default.")
]
ModelName = Annotated[
    str, typer.Option("--model", help="A shipped model (egi models list), a checkpoint folder, or auto.")
]
Out = Annotated[Path, typer.Option(help="Output folder; a sub-folder a molecule.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run; each molecule and sample derives its own.")]
PrecisionOption = Annotated[
    Precision,
    typer.Option(help="Arithmetic of the networks; auto is bf16 where the hardware multiplies it, else fp32."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite/--resume", help="Make finished molecules again, or keep them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens.")]
Exclude = Annotated[
    list[Path] | None,
    typer.Option(help=".smi files or molecule folders whose molecules are left out (give it once for each)."),
]
WithHeldOut = Annotated[
    bool,
    typer.Option(
        "--with-held-out",
        help="Keep the molecules that no model is to be trained on (test and held-out lists): for data to judge by.",
    ),
]


@dataclass(frozen=True)
class WorkerOptions:
    """Who works on the molecules."""

    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes of this machine, each with a molecule of its own.")
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", "--cluster", metavar="ADDRESS|FILE.yaml",
            help="A running Dask scheduler (tcp://host:8786), or a YAML of a batch system such as SLURM.",
        ),
    ] = None  # fmt: skip
    threads: Annotated[int | None, typer.Option(min=1, help="Compute threads of each worker; 1 by default.")] = None

    def helpers(self) -> Workers | None:
        """The workers; None is this process.

        Raises
        ------
        InputError
            When both local processes and a cluster are asked for, or the file of a cluster is missing.
        """
        from eginterpolator.errors import InputError
        from eginterpolator.jobs.tasks import Workers

        if self.workers and self.scheduler:
            raise InputError("Give local processes (--workers) or a cluster (--scheduler), not both.")
        if self.scheduler and "://" not in self.scheduler and not Path(self.scheduler).is_file():
            raise InputError(
                f"--scheduler is '{self.scheduler}'; give an address such as tcp://host:8786, or a YAML file that "
                "exists."
            )
        if not (self.workers or self.scheduler):
            return None
        return Workers(count=self.workers, scheduler=self.scheduler, threads=self.threads)


@dataclass(frozen=True)
class JobOptions(WorkerOptions):
    """A job over the molecules of INPUT."""

    seed: Seed = 0
    stereo: Annotated[StereoMode, typer.Option(help="Open stereo: ask (refuse and name the isomers) or enumerate.")] = (
        StereoMode.ask
    )
    largest_fragment: Annotated[
        bool, typer.Option("--largest-fragment", help="Of salts and solvates take the largest fragment.")
    ] = False
    as_json: AsJson = False
    quiet: Quiet = False

    def read(self, source: str, name: str | None = None) -> tuple[list[Molecule], list[Failure]]:
        """Molecules of INPUT, a single one called `name`, and the lines of it that are none."""
        from eginterpolator.files.inputs import read_inputs

        return read_inputs(source, self.stereo.value, name=name, largest_fragment=self.largest_fragment)


@dataclass(frozen=True)
class LoggedJobOptions(JobOptions):
    """The same with a log of what happens."""

    verbose: Verbose = False

    def begin(self) -> Workers | None:
        """Set the logging; returns the workers, as `helpers` does."""
        set_logging(self.verbose, self.quiet)
        return self.helpers()


@dataclass(frozen=True)
class SamplingOptions:
    """How a model is sampled."""

    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of the sampler; the model's own by default. A number that the model has a fitted schedule of "
            "takes that."
        ),
    ] = None
    sampler: Annotated[
        str | None,
        typer.Option(help="ddim, ancestral, heun, stochastic, sde or annealed_langevin; the model's own by default."),
    ] = None
    hydrogens: Annotated[
        bool, typer.Option("--hydrogens/--no-hydrogens", help="Put the hydrogens back, or leave them.")
    ] = True
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto
    precision: PrecisionOption = Precision.auto
    batch: Annotated[str, typer.Option(help="Samples in one pass: auto, or a number.")] = "auto"
    force: Annotated[bool, typer.Option("--force", help="Take molecules that the model was not trained for.")] = False

    def config(self, **others: Any) -> GenerationConfig:
        """These settings and `others`, all by the names that `GenerationConfig` has.

        Raises
        ------
        InputError
            When --batch is neither `auto` nor a positive number.
        """
        from eginterpolator.generation.tasks import GenerationConfig

        return GenerationConfig(
            steps=self.steps, sampler=self.sampler, hydrogens=self.hydrogens, device=self.device.value,
            precision=self.precision.value, batch=parse_batch(self.batch), **others,
        )  # fmt: skip


@dataclass(frozen=True)
class ConditionOptions:
    """What frames are to be in, and how warm."""

    solvent: Annotated[
        Solvent | None,
        typer.Option(help="water (explicit, where the model knows it), implicit (the default), or none (vacuum)."),
    ] = None
    temperature: Annotated[
        float, typer.Option(metavar="K", help="250 to 500 K, of a model that was trained on them; 300 K of the others.")
    ] = 300.0

    def asked(self, config: GenerationConfig, models: Models) -> tuple[GenerationConfig, Models]:
        """The config in the solvent, and the models that can be asked for it.

        Raises
        ------
        InputError
            When there is none, or what the config asks for besides does not go with the solvent.
        """
        from eginterpolator.generation.config import in_solvent

        config, models = in_solvent(config, models, self.solvent and self.solvent.value)
        return config, models.under(config.ensemble, config.temperature_K, config.independent)


def parse_batch(text: str) -> int | None:
    """`auto` is None; otherwise a positive number.

    Raises
    ------
    InputError
        For anything else.
    """
    from eginterpolator.errors import InputError

    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"--batch is '{text}'; it must be 'auto' or a positive number.")
    return int(text)


def set_logging(verbose: bool, quiet: bool) -> None:
    """Warnings by default, everything with -v, errors only with -q."""
    level = logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(level=level, format="%(name)s: %(message)s", stream=sys.stderr)


def finish(result: RunResult, as_json: bool) -> None:
    """Print what a run did, and what is to be said of it; exit 1 when a molecule failed."""
    from eginterpolator.generation.quality import quality_warnings

    warned = {str(row["name"]): row["warnings"] for row in result.rows if row.get("warnings")}
    if as_json:
        summary = {
            "out": str(result.out),
            "done": result.done,
            "skipped": result.skipped,
            "failures": [vars(failure) for failure in result.failures],
            **({"warnings": warned} if warned else {}),
        }
        typer.echo(json.dumps(summary, indent=2))
    else:
        before = f", {len(result.skipped)} finished before" if result.skipped else ""
        failed = f", {len(result.failures)} failed (see {result.out / 'failures.csv'})" if result.failures else ""
        with_warnings = f", {len(warned)} with warnings (see {result.out / 'summary.csv'})" if warned else ""
        typer.echo(f"{len(result.done)} done{before}{failed}{with_warnings}; results in {result.out}")
    bad = {failure.name for failure in result.failures}
    for row in result.rows:
        if row["name"] not in bad and {"valid", "stereo_retention"} <= row.keys():
            for sentence in quality_warnings(row):
                print(f"warning: {row['name']}: {sentence}", file=sys.stderr)
    for failure in result.failures:
        print(f"failed: {failure.name}: {failure.reason}", file=sys.stderr)
    if result.exit_code:
        raise typer.Exit(result.exit_code)
