"""Which model makes a molecule: the one that was asked for, or the shipped one that has seen most of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError, shortened
from eginterpolator.models.census import Coverage
from eginterpolator.models.conditions import holds_axes, unmet_condition
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
        What of the molecule is outside of the model's training data or rare in it, and what of its stereo the model
        does not hold.
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

    def under(self, ensemble: str, temperature_K: float) -> Models:
        """Those that can be asked for an ensemble (of `SAMPLES`) at a temperature.

        Raises
        ------
        InputError
            When there is none.
        """
        unmet = [(model, unmet_condition(model.config, ensemble, temperature_K)) for model in self.models]
        fitting = [model for model, reason in unmet if reason is None]
        if not fitting:
            why = "; ".join(f"not '{model.name}': {reason}" for model, reason in unmet)
            raise InputError(f"No model gives what is asked for ({why}); `egi simulate` does.")
        return Models(fitting)

    def choose(self, molecule: Molecule, force: bool = False) -> Choice:
        """The model that the molecule fits and that has seen most of it, the smallest of equals.

        A model has seen more where fewer traits and atom environments of the molecule are new to it (`Census`). With
        `force` it is the largest model where the molecule fits none.

        Raises
        ------
        InputError
            When it fits none, and for an element that the featuriser has no code for.
        """
        featurize(molecule)
        outside = [(model, problems_of(model, molecule)) for model in self.models]
        fitting = [(model, coverage_of(model, molecule)) for model, problems in outside if not problems]
        called = f"'{shortened(molecule.smiles)}'"
        if fitting:
            model, coverage = min(fitting, key=lambda each: each[1].unseen)  # the first, which is the smallest
            smaller = fitting[0][0] if model is not fitting[0][0] else None
            warnings = _unlike(model, coverage) + unheld_axes(model, molecule)
            return Choice(model, self._reason(model, molecule, smaller), warnings)
        if not force:
            which = "; ".join(f"not '{model.name}': {', and '.join(problems)}" for model, problems in outside)
            raise InputError(
                f"{called} does not fit {'the model' if len(outside) == 1 else 'any shipped model'} ({which}). "
                "Choose another --model, or run with --force and check the result with care."
            )
        model, problems = outside[-1]
        warnings = [f"{called} is outside of the training data of '{model.name}': {problem}." for problem in problems]
        warnings += _unlike(model, coverage_of(model, molecule)) + unheld_axes(model, molecule)
        return Choice(model, "forced: it fits no model better", warnings)

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

    def _reason(self, model: Model, molecule: Molecule, smaller: Model | None) -> str:
        if len(self.models) == 1:
            return "the only one, or asked for"
        if smaller is not None:
            return f"'{smaller.name}', the smallest shipped model that it fits, has seen less of the molecule"
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
    if not molecule.axes or holds_axes(model.config):
        return []
    names = ", ".join(f"{axis.ends[0]}-{axis.ends[1]}" for axis in molecule.axes)
    return [
        f"'{shortened(molecule.smiles)}' has an axis of chirality (atoms {names}) that '{model.name}' does not hold: "
        "frames may be of its mirror image; see stereo_retention."
    ]


def coverage_of(model: Model, molecule: Molecule) -> Coverage:
    """What of the molecule the model has seen; nothing is said by a model that carries no census."""
    return model.census.coverage(molecule.heavy_mol) if model.census is not None else Coverage(0, [])


def _unlike(model: Model, coverage: Coverage) -> list[str]:
    said = "; ".join(coverage.sentences)
    return [f"Outside of the training data of '{model.name}', or rare in it: {said}."] if said else []


def _size(model: Model) -> float:
    return float(model.config.get("limits", {}).get("max_heavy_atoms") or float("inf"))
