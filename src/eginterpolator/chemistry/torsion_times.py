"""How long torsions remember, in ps: learned from simulations by the class of the bond, read from the graph.

The time of a torsion is where its autocorrelation in a simulation falls under 1/e. A bond's class is known in growing
detail (`bond_classes`), and the logarithm of its time is estimated from the coarsest class to the finest one, each a
mean over what was simulated of it that is drawn to the estimate before as if that had been seen `PRIOR` times:

    p_0 = m_0,   p_k = (n_k m_k + PRIOR p_(k-1)) / (n_k + PRIOR)      n_k torsions with the mean logarithm m_k

`torsion_times.json` in the package holds sums and counts, and what they were measured on; `data.torsion_fit` makes it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError

PRIOR = 2.0
FASTEST_PS = 2.0
"""Time of the atoms of a molecule without torsions."""

Sums = Mapping[str, tuple[float, int]]


def autocorrelation(angles: np.ndarray) -> np.ndarray:
    """Normalised autocorrelation of cos plus that of sin, means removed: float64 [T, K], 1 at lag 0.

    Equation (E3) of docs/evaluation.md.

    Of angles [T, K], or of several replicas [R, T, K], whose means and correlations are those of all together. By fast
    Fourier transform, each lag divided by its number of pairs. A constant angle gives nan.
    """
    turns = np.exp(1j * (angles[None] if angles.ndim == 2 else angles))
    turns -= turns.mean(axis=(0, 1))
    n = turns.shape[1]
    spectrum = np.fft.fft(turns, 2 * n, axis=1)
    total = np.fft.ifft(np.abs(spectrum) ** 2, axis=1).real[:, :n].mean(axis=0) / np.arange(n, 0, -1)[:, None]
    constant = total[0] < 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(constant, np.nan, total / total[0])


def bond_classes(mol: Chem.Mol, i: int, j: int) -> list[str]:
    """Classes of the bond i-j of a molecule without hydrogens, from the coarsest to the finest.

    Size of its smallest ring (0 in none) and hybridisations; elements as well; degrees and rings of both ends as well;
    and their further neighbours as well. Both directions of a bond have the same classes.
    """
    sizes = [len(ring) for ring in mol.GetRingInfo().AtomRings() if i in ring and j in ring]
    ring = min(sizes) if mol.GetBondBetweenAtoms(i, j).IsInRing() else 0
    ends = [_end(mol, i, j), _end(mol, j, i)]
    return [f"{ring}:" + "|".join(sorted(".".join(end[:detail]) for end in ends)) for detail in (1, 2, 3, 4)]


def all_classes(mol: Chem.Mol, i: int, j: int) -> list[str]:
    """The keys of the sums that a bond's torsions belong to: that of all torsions, and its classes."""
    return ["", *bond_classes(mol, i, j)]


def _end(mol: Chem.Mol, index: int, other: int) -> tuple[str, ...]:
    atom = mol.GetAtomWithIdx(index)
    around = sorted(
        f"{n.GetHybridization()}{n.GetSymbol()}{'r' * n.IsInRing()}" for n in atom.GetNeighbors() if n.GetIdx() != other
    )
    place = f"{atom.GetDegree()}{'r' * atom.IsInRing()}"
    return str(atom.GetHybridization()), atom.GetSymbol(), place, ",".join(around)


class TorsionTimes:
    """Estimates of times by class of bond.

    Parameters
    ----------
    sums : mapping
        Sum of the logarithms of times (ps) and count of each class; the key '' is all torsions.
    stores : hashes
        SHA-256 of the datasets that they were measured on.
    held_out : float
        Share of the molecules of these that was left out.
    """

    def __init__(self, sums: Sums, stores: Iterable[str] = (), held_out: float = 0.0) -> None:
        self.sums, self.stores, self.held_out = sums, frozenset(stores), held_out

    @property
    def digest(self) -> str:
        """SHA-256 of the sums and counts, by which caches tell one set of times from another."""
        return hashlib.sha256(json.dumps(self.sums, sort_keys=True).encode()).hexdigest()

    def without(self, measured: Iterable[tuple[Sequence[str], float]]) -> TorsionTimes:
        """Estimates that torsions with these classes and times (ps) had no part in, which were among the measured."""
        sums = dict(self.sums)
        for keys, time in measured:
            for key in keys:
                total, count = sums[key]
                sums[key] = (total - math.log(time), count - 1)
        return TorsionTimes(sums, self.stores, self.held_out)

    def of_bond(self, mol: Chem.Mol, i: int, j: int) -> float:
        """Time of the torsions about a bond of a molecule without hydrogens, ps."""
        estimate, prior = 0.0, 0.0
        for key in all_classes(mol, i, j):
            total, count = self.sums.get(key, (0.0, 0))
            if count:
                estimate = (total + prior * estimate) / (count + prior)
            prior = PRIOR
        return math.exp(estimate)

    def of_torsions(self, molecule: Molecule) -> np.ndarray:
        """Time of each of the molecule's `torsion_quadruples`, float64 [K], ps."""
        middles = torsion_quadruples(molecule)[:, 1:3].tolist()
        return np.array([self.of_bond(molecule.heavy_mol, i, j) for i, j in middles])

    def of_atoms(self, molecule: Molecule) -> np.ndarray:
        """Time of each heavy atom, float32 [N], ps: how long the atom has to remember where it was.

        Equation (8c) of docs/method.md.

        A torsion's state is held by its two middle atoms, their neighbours, and what is rigidly joined to those. Beyond
        a bond that turns faster, only what that bond remembers is left. So with t(i>j) the time that reaches atom j
        from its neighbour i, and T_ij the time of the bond, without bound where it is in a ring or does not turn,

            t(i>j) >= T_ij of a bond that turns, and of the bonds of a ring torsion,      t(j>l) >= min(t(i>j), T_ij)

        and an atom's time is the longest that reaches it.
        """
        mol = molecule.heavy_mol
        bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
        arrows = [*bonds, *((j, i) for i, j in bonds)]
        reaches = dict.fromkeys(arrows, FASTEST_PS)
        turns = dict.fromkeys(arrows, math.inf)
        quadruples = torsion_quadruples(molecule).tolist()
        for quadruple, time in zip(quadruples, self.of_torsions(molecule).tolist(), strict=True):
            middle = (quadruple[1], quadruple[2])
            ring = mol.GetBondBetweenAtoms(*middle).IsInRing()
            for i, j in zip(quadruple, quadruple[1:], strict=False) if ring else [middle]:
                for arrow in ((i, j), (j, i)):
                    reaches[arrow] = max(reaches[arrow], time)
            if not ring:
                turns[middle] = turns[middle[::-1]] = time
        front = set(arrows)
        while front:
            i, j = front.pop()
            passed = min(reaches[i, j], turns[i, j])
            for neighbour in mol.GetAtomWithIdx(j).GetNeighbors():
                following = (j, neighbour.GetIdx())
                if following[1] != i and reaches[following] < passed:
                    reaches[following] = passed
                    front.add(following)
        times = np.full(molecule.n_heavy, FASTEST_PS, dtype=np.float32)
        for (_, j), time in reaches.items():
            times[j] = max(times[j], time)
        return times


def read_times(text: str) -> TorsionTimes:
    """From the text of a file of `write_times`.

    Raises
    ------
    InputError
        When it is none.
    """
    try:
        content = json.loads(text)
        sums = {key: (float(total), int(count)) for key, (total, count) in content["sums"].items()}
        facts = content["measured_on"]
        return TorsionTimes(sums, facts["stores"].values(), float(facts["held_out"]["share"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("This is no file of torsion times; make one with egi data torsion-times.") from error


@lru_cache(maxsize=1)
def shipped_times() -> TorsionTimes:
    """The times that come with the package."""
    return read_times((resources.files("eginterpolator.chemistry") / "torsion_times.json").read_text(encoding="utf-8"))
