"""Conformers of one molecule from a published set -> a record, after the filters of SPEC section 4."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.filters import Dropped, checked, graph_holds, same_stereo
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError

HARTREE_KCAL = 627.509474
"""kcal/mol in a Hartree."""


@dataclass(frozen=True)
class Structure:
    """One conformer as its source gives it: a Mol with 3D conformer 0, energy in Hartree and weight where known."""

    mol: Chem.Mol
    energy_hartree: float | None = None
    weight: float | None = None


def ensemble_record(
    name: str, smiles: str, structures: Sequence[Structure], dropped: Dropped, source: str, most: int | None = None
) -> Record:
    """The conformers of `smiles` that pass every filter, heavy atoms first.

    The molecule, with its stereo, is that of the first conformer that has the stereo of the SMILES, or of the first one
    where none has (the set was computed for what the coordinates show). Conformers of another isomer, or whose graph or
    bonds are not those of the SMILES, are counted in `dropped` and left out. Weights are scaled to sum to one again.

    Parameters
    ----------
    most : int, optional
        Keep the `most` conformers of the largest weights, or the first ones where there are no weights.

    Raises
    ------
    InputError
        With the commonest reason, when no conformer is left.
    """
    reasons: Counter[str] = Counter()
    passed: list[tuple[Molecule, np.ndarray, Structure]] = []
    known: tuple[bytes, Molecule, np.ndarray] | None = None
    for structure in structures:
        try:
            graph = _graph(structure.mol)
            if known is None or known[0] != graph or not _is_isomer(known[1], structure.mol, known[2]):
                known = (graph, *checked(structure.mol, smiles, name))
            _, molecule, order = known
            positions = structure.mol.GetConformer().GetPositions()[order].astype(np.float32)
            if not graph_holds(molecule, positions[None])[0]:
                raise InputError("a structure whose bonds are not those of its graph")
        except InputError as error:
            reasons[str(error)] += 1
            continue
        passed.append((molecule, positions, structure))
    if not passed:
        raise InputError(reasons.most_common(1)[0][0] if reasons else "no conformer")
    molecule = next((m for m, _, _ in passed if same_stereo(m, smiles)), passed[0][0])
    kept = []
    for other, positions, structure in passed:
        if not _same_numbering(molecule, other):
            reasons["atoms in another order than the other conformers'"] += 1
        elif not frame_stereo(molecule, positions[None, : molecule.n_heavy])[0]:  # the side of an N-H is left open
            reasons["a conformer of another stereoisomer"] += 1
        else:
            kept.append((positions, structure))
    for reason, count in reasons.items():
        dropped.structure(reason, name, count)
    if most is not None and len(kept) > most:
        chosen = np.argsort([-(s.weight or 0.0) for _, s in kept], kind="stable")[:most]
        kept = [kept[k] for k in sorted(chosen)]
    energies = [s.energy_hartree for _, s in kept if s.energy_hartree is not None]
    weights = np.array([s.weight for _, s in kept if s.weight is not None])
    return Record(
        name,
        molecule,
        conformers=np.stack([positions for positions, _ in kept]),
        ensemble="minimum",
        source=source,
        energies_kcal=np.array(energies) * HARTREE_KCAL if len(energies) == len(kept) else None,
        weights=weights / weights.sum() if len(weights) == len(kept) and weights.sum() > 0 else None,
    )


def _graph(mol: Chem.Mol) -> bytes:
    """Atoms and bonds as they stand: conformers that agree on it need not be looked at again, but for their stereo."""
    atoms = [(a.GetAtomicNum(), a.GetFormalCharge(), a.GetNumExplicitHs(), a.GetIsAromatic()) for a in mol.GetAtoms()]
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetBondType())) for b in mol.GetBonds()]
    return repr((atoms, bonds)).encode()


def _is_isomer(molecule: Molecule, mol: Chem.Mol, order: np.ndarray) -> bool:
    """Whether the structure of `mol`, a graph that passed, has the stereo of `molecule`."""
    if mol.GetNumConformers() == 0 or not mol.GetConformer().Is3D():
        return False
    return bool(frame_stereo(molecule, mol.GetConformer().GetPositions()[None, order[: molecule.n_heavy]])[0])


def _same_numbering(molecule: Molecule, other: Molecule) -> bool:
    return np.array_equal(molecule.atomic_numbers, other.atomic_numbers) and np.array_equal(molecule.bonds, other.bonds)
