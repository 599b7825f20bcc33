"""The dataset store: one HDF5 file, a group a molecule, with a manifest beside it.

Group `/<name>` holds `molblock` (V2000/V3000 text, all atoms, 3D, so stereo can be read from it), `atomic_numbers`
[n_atoms], and any of `conformers` [K, n_atoms, 3] and `trajectories` [R, T, n_atoms, 3] (n_heavy where the source has
no hydrogens), float32 Å; where they are known also `energies_kcal` and `weights` of the conformers, float64 [K];
attributes `smiles` (and `key` where that says more), `ensemble`, `source`, `frame_ps`, `sha256` (of the arrays), and
where they are known `temperature_K` and `friction_per_ps`. The manifest has the hash of every group, arrays
and attributes together.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.codes import SAMPLES
from eginterpolator.chemistry.hydrogens import add_hydrogens
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.io import atomic_path, sha256, write_json

if TYPE_CHECKING:
    import h5py

_UNREADABLE = (OSError, KeyError, RuntimeError, ValueError)
"""What h5py raises, depending on where in the file the damage is."""
_ARRAYS = ("conformers", "trajectories", "energies_kcal", "weights", "ensembles", "temperatures_K")
FORMAT = 2
"""Of the file. 1, without the attribute `format`, has no `ensembles` and `temperatures_K`; both are read."""
_CONDITIONS = ("temperature_K", "friction_per_ps")


@dataclass(frozen=True)
class Record:
    """One molecule of a dataset.

    Attributes
    ----------
    name : str
        Unique within the store.
    molecule : Molecule
    conformers : float32 [K, n_atoms, 3] or None
    trajectories : float32 [R, T, n_atoms or n_heavy, 3] or None
        R replicas of T frames, Å.
    frame_ps : float
        Spacing of the trajectories' frames; 0 where there are none.
    ensemble : str
        One of `SAMPLES`.
    source : str
        Where the coordinates come from: protocol or publication.
    energies_kcal, weights : float64 [K] or None
        Of the conformers: energy, and Boltzmann weight (they sum to one).
    temperature_K, friction_per_ps : float or None
        Of the thermostat, where it is known.
    ensembles : int8 [K] or None
        Of each conformer its index in `SAMPLES`, where they are of several ensembles; `ensemble` is then `thermal`, or
        `minimum` where all are minima.
    temperatures_K : float32 [K] or None
        Of each conformer, 0 for minima; given where `ensembles` is.
    """

    name: str
    molecule: Molecule
    conformers: np.ndarray | None = None
    trajectories: np.ndarray | None = None
    frame_ps: float = 0.0
    ensemble: str = "thermal"
    source: str = ""
    energies_kcal: np.ndarray | None = None
    weights: np.ndarray | None = None
    temperature_K: float | None = None
    friction_per_ps: float | None = None
    ensembles: np.ndarray | None = None
    temperatures_K: np.ndarray | None = None

    @property
    def conditions(self) -> Conditions:
        """What its coordinates are samples of."""
        return Conditions(self.ensemble, self.temperature_K, self.friction_per_ps)

    def parts(self) -> Iterator[tuple[np.ndarray, str, np.ndarray | None]]:
        """What is of one ensemble: conformers [K, n_atoms, 3] or trajectories, their ensemble, and temperatures.

        These are float32 [K] in K, 0 for minima, where each structure has its own, else None.
        """
        if self.conformers is not None and self.ensembles is not None and self.temperatures_K is not None:
            for code in np.unique(self.ensembles):
                here = self.ensembles == code
                yield self.conformers[here], SAMPLES[code], self.temperatures_K[here]
        elif self.conformers is not None:
            yield self.conformers, self.ensemble, None
        if self.trajectories is not None:
            yield self.trajectories, self.ensemble, None

    def first_frame(self) -> np.ndarray:
        """Coordinates [n_atoms, 3] of the first conformer or frame; hydrogens are put where the frames have none."""
        for array in (self.conformers, self.trajectories):
            if array is not None and array.size:
                frame = array.reshape(-1, *array.shape[-2:])[:1]
                return (frame if frame.shape[1] == self.molecule.n_atoms else add_hydrogens(self.molecule, frame))[0]
        raise InputError(f"Record '{self.name}' has no coordinates.")


class Facts(NamedTuple):
    """What `Store.facts` tells: `trajectories` are replicas and frames of each, `frame_ps` is 0 without them."""

    smiles: str
    atomic_numbers: np.ndarray
    conformers: int
    trajectories: tuple[int, int]
    frame_ps: float
    ensemble: str
    source: str
    conditions: Conditions
    structures: dict[str, int]
    """Ensemble -> conformers of it, where they are of several."""


class StoreWriter:
    """Adds records to a store that is being written; made by `write_store`."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.molecules = 0
        self.frames = 0
        self.groups: dict[str, str] = {}

    def add(self, record: Record) -> None:
        """Write one record.

        Raises
        ------
        InputError
            For a name that is there already or holds a slash, a shape that does not fit, or coordinates that are
            not finite; the store is then as it was.
        """
        if not record.name or "/" in record.name:
            raise InputError(f"'{record.name}' cannot name a molecule of a dataset; names hold no slash.")
        if record.name in self._file:
            raise InputError(f"The dataset has a molecule '{record.name}' already; names must be unique.")
        if record.ensemble not in SAMPLES:
            raise InputError(f"'{record.ensemble}' is not an ensemble; use one of {', '.join(SAMPLES)}.")
        molecule = record.molecule
        arrays: dict[str, np.ndarray] = {}
        for key, dims in (("conformers", 3), ("trajectories", 4)):
            if getattr(record, key) is None:
                continue
            array = np.ascontiguousarray(getattr(record, key), dtype=np.float32)
            counts = (molecule.n_atoms, molecule.n_heavy) if key == "trajectories" else (molecule.n_atoms,)
            if (
                array.ndim != dims
                or array.shape[-2] not in counts
                or array.shape[-1] != 3
                or not np.isfinite(array).all()
            ):
                raise InputError(
                    f"{key} of '{record.name}' must be finite and end in ({molecule.n_atoms}, 3); got {array.shape}."
                )
            arrays[key] = array
        for key in ("energies_kcal", "weights"):
            if getattr(record, key) is None:
                continue
            values = np.ascontiguousarray(getattr(record, key), dtype=np.float64)
            count = 0 if record.conformers is None else len(record.conformers)
            if values.shape != (count,) or not np.isfinite(values).all():
                raise InputError(f"{key} of '{record.name}' must be finite, one a conformer; got {values.shape}.")
            arrays[key] = values
        arrays |= _each_conformer(record)
        molblock = _molblock(molecule, record.first_frame())
        group = self._file.create_group(record.name)
        for key, text in molecule.named.items():
            group.attrs[key] = text
        group.attrs["ensemble"] = record.ensemble
        group.attrs["source"] = record.source
        group.attrs["frame_ps"] = record.frame_ps
        for key in _CONDITIONS:
            if (value := getattr(record, key)) is not None:
                group.attrs[key] = float(value)
        group["molblock"] = molblock
        group["atomic_numbers"] = molecule.atomic_numbers.astype(np.int8)
        import h5py

        named = h5py.enum_dtype({name: code for code, name in enumerate(SAMPLES)}, basetype="i1")
        for key, array in arrays.items():
            group.create_dataset(key, data=array, dtype=named if key == "ensembles" else array.dtype)
            self.frames += int(np.prod(array.shape[:-2])) if array.ndim > 1 else 0
        group.attrs["sha256"], self.groups[record.name] = group_hashes(group)
        self.molecules += 1


@contextlib.contextmanager
def write_store(path: str | os.PathLike[str], provenance: dict[str, Any]) -> Iterator[StoreWriter]:
    """Write a store and its manifest `<path>.json`; both appear only when everything went well.

    `provenance` goes into the manifest as it is at the end: counts may be filled in while records are added.
    """
    import h5py

    with atomic_path(path) as temporary:
        with h5py.File(temporary, "w", libver="latest") as file:
            file.attrs["format"] = FORMAT
            writer = StoreWriter(file)
            yield writer
        manifest = {
            "file": Path(path).name,
            "sha256": sha256(temporary),
            "molecules": writer.molecules,
            "frames": writer.frames,
            "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            **provenance,
            "groups": writer.groups,
        }
        Path(f"{os.fspath(path)}.json").unlink(missing_ok=True)  # whoever comes between sees a store without manifest
    write_json(f"{os.fspath(path)}.json", manifest)


class Store:
    """Read access to a dataset store: iterate over names, `store[name]` gives a Record."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import h5py

        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"There is no dataset '{self.path}'; build it with 'egi data'.")
        try:
            self._file = h5py.File(self.path, "r")
            self.names = sorted(self._file)
            version = int(self._file.attrs.get("format", 1))
        except _UNREADABLE as error:
            raise InputError(f"'{self.path}' is not a complete HDF5 dataset ({error}); build it again.") from error
        if version > FORMAT:
            raise InputError(
                f"'{self.path}' has format {version}; this version reads up to {FORMAT}: update eginterpolator."
            )

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Record]:
        return (self[name] for name in self.names)

    def __getitem__(self, name: str) -> Record:
        if name not in self._file:
            raise InputError(f"'{self.path}' has no molecule '{name}'.")
        try:
            group = self._file[name]
            mol = Chem.MolFromMolBlock(group["molblock"][()].decode(), removeHs=False)
            if mol is None:
                raise ValueError("its molblock does not parse")
            return Record(
                name,
                Molecule.from_rdkit(mol, name),
                **{key: group[key][()] for key in _ARRAYS if key in group},
                frame_ps=float(group.attrs["frame_ps"]),
                ensemble=str(group.attrs["ensemble"]),
                source=str(group.attrs["source"]),
                **_conditions(group),
            )
        except _UNREADABLE as error:
            raise InputError(f"Group '{name}' of '{self.path}' is damaged ({error}); build it again.") from error

    def smiles(self, name: str) -> str:
        """SMILES of a molecule, as it was written."""
        return str(self._file[name].attrs["smiles"])

    def named(self, name: str) -> dict[str, str]:
        """What a molecule is called, as `Molecule.named` says it."""
        return {key: str(text) for key, text in self._file[name].attrs.items() if key in ("smiles", "key")}

    def faults(self, hashes: dict[str, str] | None = None) -> dict[str, str]:
        """Groups that are not what was written, and what is wrong with each.

        `hashes` are those of the manifest, arrays with attributes. Without them the arrays are compared with the hash
        in the group itself.
        """
        found = {}
        for name in self.names:
            try:
                arrays, whole = group_hashes(self._file[name])
                if arrays != self._file[name].attrs["sha256"]:
                    found[name] = "its arrays do not have the hash they were written with"
                elif hashes is not None and name not in hashes:
                    found[name] = "the manifest does not have it"
                elif hashes is not None and hashes[name] != whole:
                    found[name] = "it was altered after the manifest was written"
            except _UNREADABLE as error:
                found[name] = f"it cannot be read ({(str(error).strip() or type(error).__name__).splitlines()[0]})"
        found.update({name: "it is missing" for name in sorted(set(hashes or ()) - set(self.names))})
        return found

    def facts(self, name: str) -> Facts:
        """What a molecule is and how much there is of it, without reading its coordinates.

        Raises
        ------
        InputError
            When the group is damaged.
        """
        try:
            group = self._file[name]
            shapes = [group[key].shape if key in group else (0, 0) for key in ("conformers", "trajectories")]
            return Facts(
                str(group.attrs["smiles"]), group["atomic_numbers"][()], shapes[0][0], (shapes[1][0], shapes[1][1]),
                float(group.attrs["frame_ps"]), str(group.attrs["ensemble"]), str(group.attrs["source"]),
                Conditions(str(group.attrs["ensemble"]), **_conditions(group)),
                dict(Counter(SAMPLES[code] for code in group["ensembles"][()])) if "ensembles" in group else {},
            )  # fmt: skip
        except _UNREADABLE as error:
            raise InputError(f"Group '{name}' of '{self.path}' is damaged ({error}); build it again.") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def group_hashes(group: h5py.Group) -> tuple[str, str]:
    """SHA-256 of a group's arrays, and of arrays and attributes (but the hash that is one itself)."""
    digest = hashlib.sha256()
    for key in sorted(group):
        value = group[key][()]
        digest.update(key.encode())
        digest.update(value if isinstance(value, bytes) else np.ascontiguousarray(value).tobytes())
    arrays = digest.hexdigest()
    for key in sorted(set(group.attrs) - {"sha256"}):
        digest.update(f"{key}={np.asarray(group.attrs[key]).item()!r}".encode())
    return arrays, digest.hexdigest()


def _conditions(group: h5py.Group) -> dict[str, Any]:
    return {key: float(group.attrs[key]) for key in _CONDITIONS if key in group.attrs}


def _each_conformer(record: Record) -> dict[str, np.ndarray]:
    """`ensembles` and `temperatures_K` of a record that has them; InputError where they do not fit."""
    if record.ensembles is None and record.temperatures_K is None:
        return {}
    count = 0 if record.conformers is None else len(record.conformers)
    if record.ensembles is None or record.temperatures_K is None:
        raise InputError(f"'{record.name}' has only one of ensembles and temperatures_K; give both.")
    codes = np.ascontiguousarray(record.ensembles, dtype=np.int8)
    kelvin = np.ascontiguousarray(record.temperatures_K, dtype=np.float32)
    known = codes.shape == kelvin.shape == (count,) and ((codes >= 0) & (codes < len(SAMPLES))).all()
    if not known or not (np.isfinite(kelvin) & (kelvin >= 0)).all():
        raise InputError(
            f"ensembles and temperatures_K of '{record.name}' must be one a conformer, of {', '.join(SAMPLES)} and not "
            "negative."
        )
    return {"ensembles": codes, "temperatures_K": kelvin}


def _molblock(molecule: Molecule, positions: np.ndarray) -> str:
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(molecule.n_atoms)
    conformer.SetPositions(np.asarray(positions, dtype=np.float64))
    mol.AddConformer(conformer)
    return str(Chem.MolToMolBlock(mol))
