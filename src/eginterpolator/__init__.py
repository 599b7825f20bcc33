"""EGInterpolator: molecular-dynamics trajectories of small molecules from a generative model.

    import eginterpolator
    trajectory = eginterpolator.generate("CC[C@H](O)C#CCOC", n_frames=500, seed=1)
    trajectory.to_mdtraj()

Everything here is imported on first use, so that `import eginterpolator` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eginterpolator.api import conformers, generate, generate_samples
    from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo
    from eginterpolator.errors import EGIError, GenerationError, InputError
    from eginterpolator.evaluation.trajectories import evaluate_folders
    from eginterpolator.files.folder import read_molecule_folder, write_molecule_folder
    from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
    from eginterpolator.models.registry import list_models, load_model
    from eginterpolator.simulation.api import simulate
    from eginterpolator.training.run import train

_HOMES = {
    "conformers": "api",
    "generate": "api",
    "generate_samples": "api",
    "EGIError": "errors",
    "GenerationError": "errors",
    "InputError": "errors",
    "evaluate_folders": "evaluation.trajectories",
    "read_molecule_folder": "files.folder",
    "write_molecule_folder": "files.folder",
    "list_models": "models.registry",
    "load_model": "models.registry",
    "Molecule": "chemistry.molecule",
    "enumerate_stereo": "chemistry.molecule",
    "simulate": "simulation.api",
    "train": "training.run",
    "ConformerEnsemble": "files.trajectory",
    "Trajectory": "files.trajectory",
}

__all__ = [
    "ConformerEnsemble",
    "EGIError",
    "GenerationError",
    "InputError",
    "Molecule",
    "Trajectory",
    "conformers",
    "enumerate_stereo",
    "evaluate_folders",
    "generate",
    "generate_samples",
    "list_models",
    "load_model",
    "read_molecule_folder",
    "simulate",
    "train",
    "write_molecule_folder",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # of the installed package, as pyproject.toml has it: its one place
        from importlib.metadata import version

        return version("eginterpolator")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
