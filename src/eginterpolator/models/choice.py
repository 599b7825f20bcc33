"""Which model makes a molecule: the one that was asked for, or the smallest shipped one that it fits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError, shortened
from eginterpolator.models.registry import Model, list_models, load_model

AUTO = "auto"


@dataclass(frozen=True)
class Choice:
    """A model for a molecule.

    Attributes
    ----------
    model : Model
    reason : str
        Why this one, in words.
    warnings : list of str
        What is outside of the model's training data, where that was allowed, and what of the stereo it does not hold.
    """

    model: Model
    reason: str
    warnings: list[str]


class Models:
    """Models to choose from.

    Parameters
    ----------
    models : sequence of Model
        At least one.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self.models = tuple(sorted(models, key=_size))

    @classmethod
    def load(cls, name: str | os.PathLike[str], device: str = "cpu") -> Models:
        """The model of that name or folder; all shipped ones for `auto`. InputError when there is none."""
        return cls([load_model(each, device) for each in (list_models() if name == AUTO else [name])])

    @classmethod
    def of(cls, models: Model | Models) -> Models:
        """A single model as one to choose from."""
        return models if isinstance(models, Models) else cls([models])

    def choose(self, molecule: Molecule, force: bool = False) -> Choice:
        """The smallest model that the molecule fits; with `force` the largest one where it fits none.

        Raises
        ------
        InputError
            When it fits none, and for an element that the featuriser has no code for.
        """
        featurize(molecule)
        outside = [(model, problems_of(model, molecule)) for model in self.models]
        for model, problems in outside:
            if not problems:
                return Choice(model, self._reason(model, molecule), unheld_axes(model, molecule))
        called = f"'{shortened(molecule.smiles)}'"
        if not force:
            which = "; ".join(f"not '{model.name}': {', and '.join(problems)}" for model, problems in outside)
            raise InputError(
                f"{called} does not fit {'the model' if len(outside) == 1 else 'any shipped model'} ({which}). "
                "Choose another --model, or run with --force and check the result with care."
            )
        model, problems = outside[-1]
        warnings = [f"{called} is outside of the training data of '{model.name}': {problem}." for problem in problems]
        return Choice(model, "forced: it fits no model better", warnings + unheld_axes(model, molecule))

    def used(self, molecules: Sequence[Molecule], force: bool = False) -> list[Model]:
        """Those that the molecules choose, leaving out molecules that fit none; all where there is no such molecule."""
        chosen = [choice.model for molecule in molecules if (choice := self.choose_or_none(molecule, force))]
        return [model for model in self.models if not chosen or any(model is each for each in chosen)]

    def choose_or_none(self, molecule: Molecule, force: bool = False) -> Choice | None:
        """`choose`, None where the molecule fits none."""
        try:
            return self.choose(molecule, force)
        except InputError:
            return None

    def _reason(self, model: Model, molecule: Molecule) -> str:
        if len(self.models) == 1:
            return "the only one, or asked for"
        largest = model.config.get("limits", {}).get("max_heavy_atoms")
        size = f"{molecule.n_heavy} heavy atoms of at most {largest}" if largest else "no limit of size"
        return f"the smallest shipped model that was trained on such molecules: {size}"


def problems_of(model: Model, molecule: Molecule) -> list[str]:
    """What of the molecule the model was not trained on, in words; none where it fits."""
    limits = model.config.get("limits", {})
    problems = []
    largest = limits.get("max_heavy_atoms")
    if largest and molecule.n_heavy > largest:
        problems.append(f"it has {molecule.n_heavy} heavy atoms, more than the {largest} that the model was trained on")
    elements = limits.get("elements")
    unknown = sorted({a.GetSymbol() for a in molecule.heavy_mol.GetAtoms()} - set(elements or ()))
    if elements and unknown:
        problems.append(f"it contains {', '.join(unknown)}, and the model was trained on H, {', '.join(elements)} only")
    return problems


def unheld_axes(model: Model, molecule: Molecule) -> list[str]:
    """A warning where the molecule has axes of chirality and the model was not trained on them (`limits.axes`)."""
    if not molecule.axes or model.config.get("limits", {}).get("axes"):
        return []
    names = ", ".join(f"{axis.ends[0]}-{axis.ends[1]}" for axis in molecule.axes)
    return [
        f"'{shortened(molecule.smiles)}' has an axis of chirality (atoms {names}) that '{model.name}' does not hold: "
        "frames may be of its mirror image; see stereo_retention."
    ]


def _size(model: Model) -> float:
    return float(model.config.get("limits", {}).get("max_heavy_atoms") or float("inf"))
