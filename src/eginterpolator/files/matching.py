"""Which atom of a foreign structure is which atom of a molecule: by the graph of bonds, without bond orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import InputError, shortened
from eginterpolator.files.pdb import Elements

LONGEST, NEAREST = 1.3, 0.8
"""Of the sum of covalent radii: a bond is at most so long, and atoms without one are at least so far apart."""
CONNECTED = (1.15, 1.3, 1.2, 1.25, 1.1)
"""Limits that are tried, in this order, for what is a bond where a file names none."""
MATCHES = 20_000
"""Ways to put a graph on itself that are looked at."""
MARGIN = 0.004
"""How much better (sum of squared relative errors of bond lengths) one reading of the bond orders must fit."""
_SHORTER = {1.5: 0.92, 2.0: 0.87, 3.0: 0.78}
"""Length of a bond by its order, relative to the sum of covalent radii."""


@dataclass(frozen=True)
class Atoms:
    """Atoms of a file: what each may be, one frame of them [M, 3] in Å, and their bonds [B, 2], where it names some.

    `label` names the file and the frame in errors.
    """

    elements: Elements
    frame: np.ndarray
    bonds: np.ndarray | None
    label: str
    numbers: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", np.array([each[0] if each else 0 for each in self.elements]))

    def __len__(self) -> int:
        return len(self.elements)


def match_atoms(atoms: Atoms, molecule: Molecule) -> np.ndarray:
    """For each atom of `molecule` the index of its atom in `atoms`, int64 [n_atoms], or [n_heavy] without hydrogens.

    Atoms in the molecule's own order keep it. Others are matched by elements and bonds (the file's, else those that
    distances show). Of matches that differ by symmetry one that shows the molecule's stereo is taken; of those that
    differ in bond orders, which only happens without hydrogens, the one whose bond lengths fit. Other molecules beside
    it are left out.

    Raises
    ------
    InputError
        When there is no such match or there are several molecules, a bond is too long, or the stereo is another one.
    """
    own = np.arange(len(atoms))
    if not np.isfinite(atoms.frame).all():
        raise InputError(f"{_begin(atoms.label)} has coordinates that are not finite.")
    whole = len(atoms) == molecule.n_atoms and _same_elements(atoms, molecule)
    if whole and not misfit(molecule, atoms.frame) and frame_stereo(molecule, atoms.frame[None])[0]:
        return own
    graphs = [atoms.bonds] if atoms.bonds is not None and len(atoms.bonds) else []
    for bonds in (*graphs, *(_near(atoms, limit) for limit in CONNECTED)):
        parts = _fragments(len(atoms), bonds, molecule)
        found = [rows for part in parts if (rows := _placed(atoms, part, bonds, molecule)) is not None]
        if len(found) > 1:
            raise InputError(
                f"{_begin(atoms.label)} holds {len(found)} molecules of {shortened(molecule.smiles)}; leave one."
            )
        if found:
            if reason := misfit(molecule, atoms.frame[found[0]]):
                raise InputError(f"{_begin(atoms.label)} is no structure of {shortened(molecule.smiles)}: {reason}.")
            return found[0]
    raise InputError(_why_not(atoms, molecule))


def misfit(molecule: Molecule, frame: np.ndarray) -> str:
    """What is wrong with a frame [n_atoms or n_heavy, 3] (Å) in the molecule's order: '' where its bonds fit."""
    count = len(frame)
    numbers = molecule.atomic_numbers[:count]
    if not np.isfinite(frame).all():
        return "it has coordinates that are not finite"
    symbols = [Chem.GetPeriodicTable().GetElementSymbol(int(number)) for number in numbers]
    radii = covalent_radii(numbers)
    i, j = np.triu_indices(count, k=1)
    bonded = np.zeros((count, count), dtype=bool)
    bonds = molecule.bonds[(molecule.bonds < count).all(axis=1)]
    bonded[tuple(bonds.T)] = True
    lengths = np.linalg.norm(frame[i].astype(np.float64) - frame[j], axis=-1)
    ratio, is_bond = lengths / (radii[i] + radii[j]), bonded[i, j]
    for wrong, worst, text in (
        (is_bond & (ratio > LONGEST), np.argmax(np.where(is_bond, ratio, 0.0)), "bond is {:.2f} Å long"),
        (
            ~is_bond & (ratio < NEAREST),
            np.argmin(np.where(is_bond, 9.9, ratio)),
            "pair without a bond is {:.2f} Å apart",
        ),
    ):
        if wrong.any():
            return f"a {symbols[i[worst]]}-{symbols[j[worst]]} {text.format(lengths[worst])}"
    return ""


def covalent_radii(numbers: Sequence[int] | np.ndarray) -> np.ndarray:
    """Covalent radii (RDKit's, Cordero et al. 2008) of atomic numbers, Å; carbon's where nothing is known."""
    table = Chem.GetPeriodicTable()
    return np.array([table.GetRcovalent(int(number) or 6) for number in numbers])


def _same_elements(atoms: Atoms, molecule: Molecule) -> bool:
    return all(int(z) in may for z, may in zip(molecule.atomic_numbers, atoms.elements, strict=True))


def _near(atoms: Atoms, limit: float) -> np.ndarray:
    """Pairs [B, 2] of atoms nearer than `limit` times the sum of their radii, not both hydrogens."""
    from scipy.spatial import KDTree

    radii = covalent_radii(atoms.numbers)
    pairs = KDTree(atoms.frame).query_pairs(2 * limit * float(radii.max()), output_type="ndarray")
    i, j = pairs.T if len(pairs) else np.zeros((2, 0), dtype=np.int64)
    lengths = np.linalg.norm(atoms.frame[i] - atoms.frame[j], axis=-1)
    bonded = (lengths < limit * (radii[i] + radii[j])) & ((atoms.numbers[i] > 1) | (atoms.numbers[j] > 1))
    return np.stack([i, j], axis=1)[bonded]


def _fragments(count: int, bonds: np.ndarray, molecule: Molecule) -> list[np.ndarray]:
    """Connected atoms, where they are as many as the molecule may have."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(bonds)), tuple(bonds.T)), shape=(count, count))
    number, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(labels, minlength=number))[:-1])
    return [part for part in parts if molecule.n_heavy <= len(part) <= molecule.n_atoms]


def _placed(atoms: Atoms, part: np.ndarray, bonds: np.ndarray, molecule: Molecule) -> np.ndarray | None:
    """Rows of the molecule's atoms among the atoms `part`, which are connected; None where the graphs differ."""
    heavy, light = part[atoms.numbers[part] != 1], part[atoms.numbers[part] == 1]
    if len(heavy) != molecule.n_heavy or len(light) not in (0, molecule.n_atoms - molecule.n_heavy):
        return None
    complete = len(light) > 0 or molecule.n_atoms == molecule.n_heavy
    parents = _parents(atoms, light, heavy, bonds)
    counts = Counter(parents)
    wanted = Counter(int(min(bond)) for bond in molecule.bonds if max(bond) >= molecule.n_heavy)
    target = _labelled(molecule, wanted)
    query = _query(atoms, heavy, bonds, counts if complete else None)
    if query.GetNumBonds() != target.GetNumBonds():
        return None
    matches = np.array(target.GetSubstructMatches(query, uniquify=False, maxMatches=MATCHES), dtype=np.int64)
    if not len(matches):
        return None
    rows = heavy[np.argsort(matches, axis=1)]  # row of each of the molecule's heavy atoms, [K, n_heavy]
    kept = frame_stereo(molecule, atoms.frame[rows])
    if not kept.any():
        raise InputError(f"{_begin(atoms.label)} shows another stereoisomer than {shortened(molecule.smiles)}.")
    rows, matches = rows[kept], matches[kept]
    labels = np.array([wanted[k] for k in range(molecule.n_heavy)])
    chosen = rows[np.lexsort(rows.T[::-1])[0]] if complete else _by_lengths(atoms, rows, labels[matches], molecule)
    places = {int(atom): [int(h) for h, p in zip(light, parents, strict=True) if p == atom] for atom in heavy}
    own = {int(max(bond)): int(min(bond)) for bond in molecule.bonds if max(bond) >= molecule.n_heavy}
    if not len(light):
        return chosen
    hydrogens = [places[int(chosen[own[k]])].pop(0) for k in range(molecule.n_heavy, molecule.n_atoms)]
    return np.concatenate([chosen, np.array(hydrogens, dtype=np.int64)])


def _parents(atoms: Atoms, light: np.ndarray, heavy: np.ndarray, bonds: np.ndarray) -> list[int]:
    """The heavy atom of each hydrogen: its nearest one."""
    apart = np.linalg.norm(atoms.frame[light][:, None] - atoms.frame[heavy][None], axis=-1)
    return [int(heavy[k]) for k in (apart - covalent_radii(atoms.numbers[heavy])).argmin(axis=1)] if len(light) else []


def _labelled(molecule: Molecule, hydrogens: Counter[int]) -> Chem.Mol:
    """Heavy atoms and single bonds; the isotope is the number of hydrogens."""
    mol = Chem.RWMol()
    for k in range(molecule.n_heavy):
        atom = Chem.Atom(int(molecule.atomic_numbers[k]))
        atom.SetNoImplicit(True)
        atom.SetIsotope(hydrogens[k])
        mol.AddAtom(atom)
    for first, second in molecule.heavy_bonds.tolist():
        mol.AddBond(first, second, Chem.BondType.SINGLE)
    return mol.GetMol()


def _query(atoms: Atoms, heavy: np.ndarray, bonds: np.ndarray, hydrogens: Counter[int] | None) -> Chem.Mol:
    """The same of a file as a query: any of the elements that an atom may have."""
    mol = Chem.RWMol()
    for k in heavy:
        numbers = ",".join(f"#{number}" for number in atoms.elements[k] if number > 1) or "*"
        label = "" if hydrogens is None else f";{hydrogens[int(k)]}*"
        mol.AddAtom(Chem.AtomFromSmarts(f"[{numbers}{label}]"))
    place = {int(atom): k for k, atom in enumerate(heavy)}
    for first, second in {tuple(sorted(bond)) for bond in bonds.tolist()}:
        if first in place and second in place:
            mol.AddBond(place[first], place[second], Chem.BondType.SINGLE)
    return mol.GetMol()


def _by_lengths(atoms: Atoms, rows: np.ndarray, labels: np.ndarray, molecule: Molecule) -> np.ndarray:
    """Of matches without hydrogens the one whose bond orders fit the lengths; that of the own order where in doubt.

    `rows` [K, n_heavy]; `labels` [K, n_heavy] are the hydrogens that each heavy atom of the file gets: matches that
    agree in them differ by symmetry or resonance only.
    """
    mol = molecule.heavy_mol
    radii = covalent_radii(molecule.atomic_numbers[: molecule.n_heavy])
    ends = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()], dtype=np.int64).reshape(-1, 2)
    orders = np.array([_SHORTER.get(b.GetBondTypeAsDouble(), 1.0) for b in mol.GetBonds()])
    expected = orders * (radii[ends[:, 0]] + radii[ends[:, 1]])
    lengths = np.linalg.norm(atoms.frame[rows[:, ends[:, 0]]] - atoms.frame[rows[:, ends[:, 1]]], axis=-1)
    errors = ((lengths / expected - 1.0) ** 2).sum(axis=1)
    _, kind = np.unique(labels, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    best = np.array([errors[kind == k].min() for k in range(kind.max() + 1)])
    near = np.flatnonzero(best < best.min() + MARGIN)
    first = np.lexsort(rows.T[::-1])
    ordered = len(atoms) == molecule.n_heavy and (rows[first[0]] == np.arange(len(atoms))).all()
    if ordered and kind[first[0]] in near:
        return np.asarray(rows[first[0]])
    if len(near) > 1:
        raise InputError(
            f"{_begin(atoms.label)} has no hydrogens, and its bond lengths do not tell which of its atoms have them in "
            f"{shortened(molecule.smiles)}; give it with hydrogens, or as an SDF."
        )
    return np.asarray(next(rows[k] for k in first if kind[k] == near[0]))


def _why_not(atoms: Atoms, molecule: Molecule) -> str:
    name, table = shortened(molecule.smiles), Chem.GetPeriodicTable()
    found, wanted = (Counter(int(z) for z in numbers) for numbers in (atoms.numbers, molecule.atomic_numbers))
    hydrogens = found.pop(1, 0), wanted.pop(1, 0)
    if found != wanted:
        text = "".join(
            f"{table.GetElementSymbol(z) if z else '?'}{n if n > 1 else ''}" for z, n in sorted(found.items())
        )
        return f"The atoms of {atoms.label} are not those of {name}: it has {text or 'none'} beside hydrogens."
    if hydrogens[0] not in (0, hydrogens[1]):
        return (
            f"{_begin(atoms.label)} has {hydrogens[0]} of the {hydrogens[1]} hydrogens of {name}; write all of them, "
            "or none."
        )
    if len(atoms) in (molecule.n_atoms, molecule.n_heavy):
        numbers = molecule.atomic_numbers[: len(atoms)]
        if all(int(z) in may for z, may in zip(numbers, atoms.elements, strict=True)):
            reason = misfit(molecule, atoms.frame) or "its bonds differ"
            return f"{_begin(atoms.label)} is no structure of {name}: {reason}."
    return f"The atoms of {atoms.label} are not bonded as those of {name}; give a structure of this molecule, whole."


def _begin(label: str) -> str:
    return label[:1].upper() + label[1:]
