"""Best RMSD over symmetry of every pair of conformers at once: numberings found once a molecule, batched Kabsch."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

from eginterpolator.errors import InputError

MAX_MATCHES = 10_000
"""Symmetric numberings that the best RMSD is looked for among."""
_BLOCK = 400_000
"""Superpositions computed at once: about 60 MB of temporaries a thread."""
_CANCELLING = 0.1
"""Å. Below it the closed form of the singular values loses digits, and LAPACK's are taken."""
_CONJUGATED_END = "[O,N;D1;$([O,N;D1]-[*]=[O,N;D1]),$([O,N;D1]=[*]-[O,N;D1])]~[*]"
"""Ends whose single and double bond are resonance forms of each other (nitro, carboxylate, amidine)."""


@dataclass(frozen=True)
class Numberings:
    """How the atoms of one molecule map onto those of another that has the same graph.

    Attributes
    ----------
    atoms : int64 [P, N]
        Row p: for each atom of the second molecule, the atom of the first that takes its place.
    capped : bool
        Whether there may be more of them than `MAX_MATCHES`; the best RMSD over those kept is then an upper bound.
    """

    atoms: np.ndarray
    capped: bool


def numberings(first: Chem.Mol, second: Chem.Mol, max_matches: int = MAX_MATCHES) -> Numberings:
    """All symmetric numberings, as RDKit's `GetBestRMS` takes them; hydrogens count where the molecules have them.

    Conjugated terminal groups (the oxygens of a nitro group or a carboxylate) are symmetric although their bonds
    differ: in `first` such bonds match single and double ones, and its terminal atoms any charge.

    Raises
    ------
    InputError
        When the two are not the same molecule.
    """
    query = Chem.RWMol(first)
    query.RemoveAllConformers()
    for end, middle in query.GetSubstructMatches(Chem.MolFromSmarts(_CONJUGATED_END)):
        query.GetAtomWithIdx(end).SetFormalCharge(0)
        bond = query.GetBondBetweenAtoms(end, middle)
        query.ReplaceBond(bond.GetIdx(), Chem.BondFromSmarts("-,="))
    matches = second.GetSubstructMatches(query, uniquify=False, maxMatches=max_matches)
    if first.GetNumAtoms() != second.GetNumAtoms() or not matches:
        raise InputError(
            f"{Chem.MolToSmiles(first)} and {Chem.MolToSmiles(second)} are different molecules; "
            "give conformers of one molecule."
        )
    rows = np.argsort(np.array(matches, dtype=np.int64), axis=1)
    return Numberings(rows, len(matches) >= max_matches)


def symmetric_rmsd(first: np.ndarray, second: np.ndarray, atoms: np.ndarray, threads: int | None = None) -> np.ndarray:
    """Least RMSD over rotations, translations and numberings of every pair: float64 [G, R], Å.

    For each numbering the superposition's RMSD² is (|x|² + |y|² - 2 (s1 + s2 ± s3)) / N, s the singular values of
    the covariance matrix and ± the sign of its determinant (Kabsch 1976). The squares of s are the eigenvalues of a
    symmetric 3 x 3 matrix, in closed form (Smith 1961), exact to 1e-6 Å here except for nearly equal conformers: those
    of the best numbering get a singular value decomposition.

    Parameters
    ----------
    first : [G, N, 3], Å
    second : [R, N, 3], Å
    atoms : int64 [P, N]
        Numberings: row p holds the atom of `first` for each atom of `second`.
    threads : int, optional
        Blocks of pairs computed at once; by default one for each core there is.

    Raises
    ------
    InputError
        When the shapes do not fit each other.
    """
    if first.ndim != 3 or second.ndim != 3 or first.shape[1:] != second.shape[1:] or atoms.shape[1] != first.shape[1]:
        raise InputError(
            f"Conformers of the shapes {list(first.shape)} and {list(second.shape)} with numberings of "
            f"{list(atoms.shape)} do not fit; give [G, N, 3], [R, N, 3] and [P, N]."
        )
    x, y = (a.astype(np.float64) - a.mean(axis=1, keepdims=True, dtype=np.float64) for a in (first, second))
    result = np.zeros((len(x), len(y)))
    if not result.size:
        return result
    rows = max(1, _BLOCK // (len(y) * len(atoms)))
    columns = max(1, _BLOCK // (rows * len(atoms)))
    blocks = [
        (slice(i, i + rows), slice(j, j + columns)) for i in range(0, len(x), rows) for j in range(0, len(y), columns)
    ]

    def compute(block: tuple[slice, slice]) -> None:
        result[block] = _block(x[block[0]], y[block[1]], atoms)

    if len(blocks) == 1:
        compute(blocks[0])
    else:
        with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
            list(pool.map(compute, blocks))
    return result


def _block(x: np.ndarray, y: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    """`symmetric_rmsd` of centred conformers."""
    n_atoms = x.shape[1]
    best = np.full((len(x), len(y)), -np.inf)
    chosen = np.zeros((len(x), len(y)), dtype=np.int64)
    step = max(1, _BLOCK // best.size)
    flat = np.ascontiguousarray(y.transpose(1, 0, 2).reshape(n_atoms, -1))
    for start in range(0, len(atoms), step):
        some = atoms[start : start + step]
        turned = np.ascontiguousarray(x[:, some].transpose(1, 0, 3, 2)).reshape(-1, n_atoms)
        covariance = (turned @ flat).reshape(len(some), len(x), 3, len(y), 3)
        overlap = _overlap(covariance.transpose(2, 4, 0, 1, 3))
        k = overlap.argmax(axis=0)
        value = np.take_along_axis(overlap, k[None], axis=0)[0]
        better = value > best
        best[better], chosen[better] = value[better], k[better] + start
    size = (x**2).sum(axis=(1, 2))[:, None] + (y**2).sum(axis=(1, 2))
    squared = np.maximum(size - 2 * best, 0.0) / n_atoms
    g, r = np.nonzero(squared < _CANCELLING**2)
    exact = np.einsum("kni,knj->kij", x[g[:, None], atoms[chosen[g, r]]], y[r])
    values = np.linalg.svd(exact, compute_uv=False)
    values[:, 2] *= np.sign(np.linalg.det(exact))
    squared[g, r] = np.maximum(size[g, r] - 2 * values.sum(axis=1), 0.0) / n_atoms
    return np.sqrt(squared)


def _overlap(h: np.ndarray) -> np.ndarray:
    """s1 + s2 + sign(det) s3 of matrices h [3, 3, ...], s their singular values: [...]."""
    a, b, c = ((h[:, i] * h[:, i]).sum(axis=0) for i in range(3))
    d, e, f = ((h[:, i] * h[:, j]).sum(axis=0) for i, j in ((0, 1), (0, 2), (1, 2)))
    mean = (a + b + c) / 3
    a, b, c = a - mean, b - mean, c - mean
    spread = np.sqrt(np.maximum((a * a + b * b + c * c + 2 * (d * d + e * e + f * f)) / 6, 1e-300))
    cosine = (a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)) / (2 * spread**3)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0)) / 3
    largest, smallest = mean + 2 * spread * np.cos(angle), mean + 2 * spread * np.cos(angle + 2 * np.pi / 3)
    middle = 3 * mean - largest - smallest
    det = (
        h[0, 0] * (h[1, 1] * h[2, 2] - h[1, 2] * h[2, 1])
        - h[0, 1] * (h[1, 0] * h[2, 2] - h[1, 2] * h[2, 0])
        + h[0, 2] * (h[1, 0] * h[2, 1] - h[1, 1] * h[2, 0])
    )
    roots = [np.sqrt(np.maximum(value, 0.0)) for value in (largest, middle, smallest)]
    return np.asarray(roots[0] + roots[1] + np.sign(det) * roots[2])
