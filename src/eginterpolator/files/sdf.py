"""Structures of a molecule in SDF files, and in the conformers of an RDKit Mol."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry import origin
from eginterpolator.chemistry.molecule import Molecule, flat_smiles, molecules_from_sdf
from eginterpolator.chemistry.sdf_records import sdf_records
from eginterpolator.errors import InputError
from eginterpolator.files.io import ascii_path, atomic_path


def with_conformers(mol: Chem.Mol, positions: np.ndarray) -> Chem.Mol:
    """Copy of `mol` whose conformers are `positions` [K, n_atoms, 3], Å."""
    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    for frame in positions:
        conformer = Chem.Conformer(len(frame))
        conformer.Set3D(True)
        conformer.SetPositions(np.ascontiguousarray(frame, dtype=np.float64))
        mol.AddConformer(conformer, assignId=True)
    return mol


def frame_graph(molecule: Molecule, hydrogens: bool) -> Chem.Mol:
    """RDKit Mol of all atoms, or of the heavy ones, without conformers and with the molecule's name."""
    mol = Chem.Mol(molecule.rdmol if hydrogens else molecule.heavy_mol)
    mol.RemoveAllConformers()
    mol.SetProp("_Name", molecule.name)
    return mol


def sdf_molecule(path: str | os.PathLike[str]) -> tuple[Molecule, np.ndarray]:
    """The first molecule of an SDF, and where its atoms stand in that file.

    Where the record has a property `key`, or else `smiles`, that decides the stereo: coordinates of a trajectory may
    have lost it.

    Returns
    -------
    Molecule, int64 [n]
        The molecule in its own order (heavy atoms first), and for each of its n stored atoms the index in the file:
        `stored[..., order, :]` are positions in the molecule's order. n is n_heavy for a file without hydrogens.

    Raises
    ------
    InputError
        When the file is missing or unreadable, or its smiles is of another molecule.
    """
    molecule = molecules_from_sdf(path)[0]
    stored = next(sdf_records(path)).mol
    assert stored is not None  # it has just been read
    numbers = np.array([atom.GetAtomicNum() for atom in stored.GetAtoms()])
    said = {key: stored.GetProp(key).strip() for key in ("key", "smiles") if stored.HasProp(key)}
    if "key" in said and _flat_or_none(said["key"]) == molecule.smiles_flat:
        molecule = _with_stereo_of(molecule, said["key"], path)
    elif "smiles" in said:
        molecule = _with_stereo_of(molecule, said["smiles"], path)
    return molecule, np.argsort(numbers <= 1, kind="stable")


def write_sdf(
    path: str | os.PathLike[str],
    molecule: Molecule,
    positions: np.ndarray,
    energies_kcal: np.ndarray | None = None,
    rows: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Write structures [K, n_atoms or n_heavy, 3] in Å as an SDF; `rows` are further properties of each.

    Its properties are those of the input, and `Molecule.named`, `energy_kcal`, `atom_map` and `atom_map_numbers`
    (`atom_map_of`, n/a for None), and `seed_name` where that is not the title.
    """
    mol = _described(molecule, positions)
    with atomic_path(path) as temporary, ascii_path(temporary) as plain:
        with Chem.SDWriter(str(plain)) as writer:
            for k in range(len(positions)):
                if energies_kcal is not None:
                    mol.SetProp("energy_kcal", f"{float(energies_kcal[k]):.4f}")
                for key, value in (rows[k] if rows else {}).items():
                    if key != "energy_kcal":
                        mol.SetProp(key, f"{value:.4f}" if isinstance(value, float) else str(value))
                writer.write(mol, confId=k)


def write_records(
    path: str | os.PathLike[str],
    molecule: Molecule,
    positions: np.ndarray,
    titles: Sequence[str],
    properties: Sequence[Mapping[str, str]],
) -> None:
    """Write structures [K, n_atoms or n_heavy, 3] in Å as an SDF, each with a title and properties of its own.

    Its other properties are those of `write_sdf`.
    """
    mol = _described(molecule, positions)
    with atomic_path(path) as temporary, ascii_path(temporary) as plain:
        with Chem.SDWriter(str(plain)) as writer:
            for k, (title, own) in enumerate(zip(titles, properties, strict=True)):
                record = Chem.Mol(mol, confId=k)
                record.SetProp("_Name", title)
                for key, text in own.items():
                    record.SetProp(key, text)
                writer.write(record)


def _described(molecule: Molecule, positions: np.ndarray) -> Chem.Mol:
    """RDKit Mol with the structures [K, n, 3] as conformers, and the properties of an SDF."""
    mol = with_conformers(frame_graph(molecule, np.shape(positions)[1] == molecule.n_atoms), positions)
    for key in (*origin.OWN_PROPERTIES, *(key for key in mol.GetPropNames(True, False) if key.startswith("_"))):
        if key != "_Name":
            mol.ClearProp(key)
    for key, text in molecule.named.items():
        mol.SetProp(key, text)
    for key, values in atom_map_of(molecule, np.shape(positions)[1]).items():
        mol.SetProp(key, " ".join("n/a" if value is None else str(value) for value in values))
    if molecule.seed_name != molecule.name:
        mol.SetProp("seed_name", molecule.seed_name)
    return mol


def atom_map_of(molecule: Molecule, n_atoms: int) -> dict[str, list[int | None]]:
    """Where the first `n_atoms` atoms of the output stand in the input, for `meta.json` and SDF properties.

    Returns
    -------
    dict
        `atom_map`: of each atom the index in the input, from 0, None for a hydrogen that was added;
        `atom_map_numbers`: its map number, only of an input that has some.
    """
    numbers = molecule.atom_map_numbers
    found = {"atom_map": molecule.atom_map[:n_atoms]}
    return found if numbers is None else {**found, "atom_map_numbers": numbers[:n_atoms]}


def _flat_or_none(smiles: str) -> str | None:
    try:
        return flat_smiles(smiles)
    except InputError:  # another program's key
        return None


def _with_stereo_of(molecule: Molecule, smiles: str, path: str | os.PathLike[str]) -> Molecule:
    """`molecule` with the stereo of `smiles`, its atoms and conformers left where they are."""
    try:
        wanted = Molecule.from_smiles(smiles)
    except InputError:  # stereo left open, or no SMILES at all: the coordinates decide
        return molecule
    if wanted.key == molecule.key or (wanted.smiles == molecule.smiles and wanted.key == wanted.smiles):
        return molecule
    if wanted.smiles_flat != molecule.smiles_flat:
        raise InputError(f"'{path}' says that its smiles is '{smiles}', but it holds '{molecule.smiles}'.")
    plain = [Chem.Mol(mol) for mol in (molecule.rdmol, wanted.rdmol)]
    for mol in plain:
        Chem.RemoveStereochemistry(mol)
    matches = plain[1].GetSubstructMatches(plain[0], uniquify=False, maxMatches=64)
    if not matches:
        return molecule
    placed = [Molecule(Chem.RenumberAtoms(wanted.rdmol, list(match)), molecule.name) for match in matches]
    best = max(placed, key=lambda candidate: _agreement(candidate, molecule))
    origin.copy_origin(molecule.rdmol, best.rdmol)
    for conformer in molecule.rdmol.GetConformers():
        best.rdmol.AddConformer(conformer, assignId=True)
    return best


def _agreement(candidate: Molecule, molecule: Molecule) -> int:
    """Stereocentres and axes that both label alike: picks among symmetric numberings."""
    centres = {(*row, sign) for row, sign in zip(*_sorted_triples(molecule), strict=True)}
    axes = {axis.sorted() for axis in molecule.axes}
    alike = sum((*row, sign) in centres for row, sign in zip(*_sorted_triples(candidate), strict=True))
    return alike + sum(axis.sorted() in axes for axis in candidate.axes)


def _sorted_triples(molecule: Molecule) -> tuple[list[tuple[int, ...]], list[float]]:
    rows, signs = [], []
    for row, sign in zip(molecule.triples.tolist(), molecule.triple_signs.tolist(), strict=True):
        order = sorted(range(1, 4), key=lambda k, row=row: row[k])  # type: ignore[misc]
        odd = order in ([1, 3, 2], [2, 1, 3], [3, 2, 1])
        rows.append((row[0], *(row[k] for k in order)))
        signs.append(-sign if odd else sign)
    return rows, signs
