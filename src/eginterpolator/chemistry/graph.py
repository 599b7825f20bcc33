"""Featuriser: Molecule -> graph arrays over heavy atoms. Its version travels with every checkpoint.

Atom features follow SPEC section 3 as integer codes, one column a property (see `codes.COLUMNS`), plus the Gasteiger
charge. Edges are dense: the type of a pair is its bond type, or the number of bonds between the two atoms, and for
the substituents of a stereo double bond whether they are cis or trans. The times of torsions are for the noise
(`diffusion.memory`) and for temporal networks; no structure network sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdPartialCharges

from eginterpolator.chemistry.axes import Axis
from eginterpolator.chemistry.codes import EDGE_TYPES, ELEMENTS, HYBRIDISATIONS, RING_SIZES
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import TorsionTimes, shipped_times
from eginterpolator.errors import InputError

_BOND_CODE = {
    Chem.BondType.SINGLE: 1,
    Chem.BondType.DOUBLE: 2,
    Chem.BondType.TRIPLE: 3,
    Chem.BondType.AROMATIC: 4,
}


@dataclass(frozen=True)
class Graph:
    """Arrays of one molecule's heavy-atom graph.

    Attributes
    ----------
    codes : int64 [N, len(COLUMNS)]
        Atom features, each column in [0, COLUMNS[name]).
    charges : float32 [N]
        Gasteiger partial charges with the hydrogens' added to their heavy atom, in e.
    edges : int64 [N, N]
        Index into `EDGE_TYPES`; 0 on the diagonal; symmetric.
    triples : int64 [K, 4]
        Stereocentre i and three of its heavy neighbours a, b, c; of an axis between i and b, where it is asked for, a
        beside i and c beside b.
    signs : float32 [K]
        Wanted sign of det[x_a - x_i, x_b - x_i, x_c - x_i].
    times_ps : float32 [N]
        How long the torsion that moves the atom remembers, ps; see `torsion_times`.
    """

    codes: np.ndarray
    charges: np.ndarray
    edges: np.ndarray
    triples: np.ndarray
    signs: np.ndarray
    times_ps: np.ndarray

    @property
    def n_atoms(self) -> int:
        """Number of heavy atoms."""
        return len(self.codes)


def featurize(molecule: Molecule, times: TorsionTimes | None = None, axes: bool = False) -> Graph:
    """Graph of a molecule's heavy atoms; the times of its torsions by `times`, those of the package by default.

    With `axes` it says the handedness of axes of chirality, for networks that were trained so (`limits.axes`).

    Raises
    ------
    InputError
        When an element is none of `ELEMENTS`.
    """
    mol = molecule.heavy_mol
    unknown = sorted({atom.GetSymbol() for atom in mol.GetAtoms()} - set(ELEMENTS))
    if unknown:
        raise InputError(
            f"'{molecule.smiles}' contains {', '.join(unknown)}, an element that no model knows; "
            f"use molecules of H and {', '.join(ELEMENTS)}."
        )
    labelled = _without_isotopes(mol) if any(a.GetIsotope() for a in molecule.rdmol.GetAtoms()) else mol
    codes = np.array([_atom_codes(atom) for atom in labelled.GetAtoms()], dtype=np.int64)
    times_ps = (times or shipped_times()).of_atoms(molecule)
    edges, triples, signs = _edge_types(molecule), molecule.triples, molecule.triple_signs
    if axes:
        edges, triples, signs = _with_axes(molecule.axes, edges, triples, signs)
    return Graph(codes, _charges(mol), edges, triples, signs, times_ps)


def _with_axes(
    axes: Sequence[Axis], edges: np.ndarray, triples: np.ndarray, signs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges, triples and signs that say the axes too: crossed ones as oriented quadruples, flat ones as cis or trans.

    Of the torsion a-i-j-c, whose sine has the sign s, det[x_a - x_i, x_j - x_i, x_c - x_i] has the sign -s.
    """
    rows, wanted, edges = [], [], edges.copy()
    for axis in axes:
        (i, j), a, c = axis.ends, axis.left[0], axis.right[0]
        if axis.twisted and axis.sign:
            rows.append([i, a, j, c])
            wanted.append(-axis.sign)
        elif axis.sign:
            edges[a, c] = edges[c, a] = EDGE_TYPES.index("cis" if axis.sign > 0 else "trans")
    if rows:
        triples = np.concatenate([triples.reshape(-1, 4), np.array(rows, dtype=triples.dtype)])
        signs = np.concatenate([signs, np.array(wanted, dtype=signs.dtype)])
    return edges, triples, signs


def _without_isotopes(mol: Chem.Mol) -> Chem.Mol:
    """`mol` with the R/S labels that it has without isotopes: they change no geometry, and no network knows them."""
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol


def _atom_codes(atom: Chem.Atom) -> list[int]:
    hybridisation = str(atom.GetHybridization())
    rings = atom.GetOwningMol().GetRingInfo()
    sizes = rings.AtomRingSizes(atom.GetIdx())
    label = atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else ""
    charge = atom.GetFormalCharge()
    return [
        ELEMENTS.index(atom.GetSymbol()),
        int(atom.GetIsAromatic()),
        HYBRIDISATIONS.index(hybridisation) if hybridisation in HYBRIDISATIONS else len(HYBRIDISATIONS),
        min(atom.GetTotalNumHs(), 4),
        min(atom.GetDegree(), 7),
        charge + 2 if -2 <= charge <= 2 else 5,
        min(len(sizes), 3),
        *(int(size in sizes) for size in RING_SIZES),
        {"R": 1, "S": 2}.get(label, 0),
    ]


def _charges(mol: Chem.Mol) -> np.ndarray:
    mol = Chem.Mol(mol)
    rdPartialCharges.ComputeGasteigerCharges(mol)
    values = [a.GetDoubleProp("_GasteigerCharge") + a.GetDoubleProp("_GasteigerHCharge") for a in mol.GetAtoms()]
    # Gasteiger has no parameters for some atom types and answers NaN for all: then the feature says nothing.
    charges = np.array(values, dtype=np.float32)
    return charges if np.isfinite(charges).all() else np.zeros_like(charges)


def _edge_types(molecule: Molecule) -> np.ndarray:
    mol = molecule.heavy_mol
    hops = Chem.GetDistanceMatrix(mol).astype(np.int64)
    edges = np.where(hops >= 2, np.minimum(hops, 7) + 3, 0)
    for bond in mol.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        edges[i, j] = edges[j, i] = _BOND_CODE.get(bond.GetBondType(), 1)
    for (a, _, _, b), sign in zip(molecule.double_bonds, molecule.double_bond_signs, strict=True):
        if hops[a, b] == 3:
            edges[a, b] = edges[b, a] = EDGE_TYPES.index("cis" if sign > 0 else "trans")
    return edges
