"""Which model makes a molecule: the one that was asked for, or the shipped one that has seen most of it.

Some models are of structures only: they make independent frames, and frames in order of time where no other can.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError, shortened
from eginterpolator.models.census import Coverage
from eginterpolator.models.conditions import SOLVENTS, holds_axes, solvent_named, unmet_condition
from eginterpolator.models.denoiser import StructureDenoiser
from eginterpolator.models.registry import Model, list_models, load_model

AUTO = "auto"
STRUCTURES = "structures"
"""In `default_for` of a config: the model is the first choice for independent frames."""
NO_ORDER = (
    "'{name}' is a structure model: its frames are independent, in no order of time, as with --strength 0; "
    "--clock measured puts them in order."
)


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
    independent : bool
        Whether frames are to be independent, or in an order of time.
    notes : sequence of str
        Warnings for whatever they make.
    """

    def __init__(self, models: Sequence[Model], independent: bool = False, notes: Sequence[str] = ()) -> None:
        self.models, self.independent, self.notes = tuple(sorted(models, key=_size)), independent, tuple(notes)

    @classmethod
    def load(cls, name: str | os.PathLike[str], device: str = "cpu") -> Models:
        """The model of that name or folder; all shipped ones for `auto`. InputError when there is none."""
        return cls([load_model(each, device) for each in (list_models() if name == AUTO else [name])])

    @classmethod
    def of(cls, models: Model | Models) -> Models:
        """A single model as one to choose from."""
        return models if isinstance(models, Models) else cls([models])

    def in_solvent(self, solvent: str | None, temperature_K: float) -> tuple[str, Models]:
        """The ensemble to ask for in a solvent (`solvent_named`; implicit water without one), and those to ask.

        Where no model knows explicit water at this temperature, implicit water stands for it, and a note says so.

        Raises
        ------
        InputError
            For another word.
        """
        name = solvent_named(solvent or "implicit")
        unmet = [unmet_condition(model.config, SOLVENTS[name], temperature_K) for model in self.models]
        if name != "water" or not all(unmet):
            return SOLVENTS[name], self
        which = " or ".join(f"'{model.name}'" for model in self.models)
        note = f"Implicit water stands for explicit water, which {which} does not know at {temperature_K:g} K."
        return "thermal", Models(self.models, self.independent, [*self.notes, note])

    def under(self, ensemble: str, temperature_K: float, independent: bool = False) -> Models:
        """Those that can be asked for an ensemble (of `SAMPLES`) at a temperature, for such frames.

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
        return Models(fitting, independent, self.notes)

    def choose(self, molecule: Molecule, force: bool = False) -> Choice:
        """The model that the molecule fits and that has seen most of it, the smallest of equals.

        A molecule with axes of chirality prefers models that hold them. For frames in order, models of structures
        only come last; for independent ones, a model whose config says that it is their default comes first. A model
        has seen more where fewer traits and atom environments of the molecule are new to it (`Census`). With `force`
        it is the largest model where the molecule fits none.

        Raises
        ------
        InputError
            When it fits none, and for an element that the featuriser has no code for.
        """
        featurize(molecule)

        def rank(model: Model) -> tuple[bool, bool]:
            return bool(unheld_axes(model, molecule)), self._last(model)

        outside = [(each, problems_of(each, molecule)) for each in sorted(self.models, key=rank)]
        fitting = [(model, coverage_of(model, molecule)) for model, problems in outside if not problems]
        called = f"'{shortened(molecule.smiles)}'"
        if fitting:
            # the first of equals, which is the smallest
            model, coverage = min(fitting, key=lambda each: (rank(each[0]), each[1].unseen))
            smaller = fitting[0][0] if model is not fitting[0][0] else None
            warnings = self._notes_of(model) + _unlike(model, coverage) + unheld_axes(model, molecule)
            return Choice(model, self._reason(model, molecule, smaller), warnings)
        if not force:
            which = "; ".join(f"not '{model.name}': {', and '.join(problems)}" for model, problems in outside)
            raise InputError(
                f"{called} does not fit {'the model' if len(outside) == 1 else 'any shipped model'} ({which}). "
                "Choose another --model, or run with --force and check the result with care."
            )
        foremost = rank(outside[0][0])
        model, problems = [each for each in outside if rank(each[0]) == foremost][-1]
        warnings = [f"{called} is outside of the training data of '{model.name}': {problem}." for problem in problems]
        warnings += self._notes_of(model) + _unlike(model, coverage_of(model, molecule)) + unheld_axes(model, molecule)
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

    def _last(self, model: Model) -> bool:
        """Whether a model comes after others, whatever they have seen of the molecule."""
        return STRUCTURES not in model.config.get("default_for", ()) if self.independent else not has_time(model)

    def _notes_of(self, model: Model) -> list[str]:
        unordered = not (self.independent or has_time(model))
        return [*self.notes, *([NO_ORDER.format(name=model.name)] if unordered else [])]

    def _reason(self, model: Model, molecule: Molecule, smaller: Model | None) -> str:
        if len(self.models) == 1:
            return "the only one, or asked for"
        if molecule.axes and holds_axes(model.config):
            return "it holds axes of chirality"
        if self.independent and not self._last(model):
            return "the default for independent frames"
        if smaller is not None:
            return f"'{smaller.name}', the smallest shipped model that it fits, has seen less of the molecule"
        largest = model.config.get("limits", {}).get("max_heavy_atoms")
        size = f"{molecule.n_heavy} heavy atoms of at most {largest}" if largest else "no limit of size"
        return f"the smallest shipped model that was trained on such molecules: {size}"


def has_time(model: Model) -> bool:
    """Whether a model puts frames in an order of time: not one of structures only, whose noise has no memory."""
    return not isinstance(model.denoiser, StructureDenoiser) or bool(model.process.memory.scale)


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
