"""Start conformers of replicas: ETKDGv3, refined with MMFF94s, chosen to differ from one another."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from eginterpolator.chemistry.etkdg import EMBED_SECONDS
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import GenerationError


def start_conformers(molecule: Molecule, n: int, seed: int = 0, window_kcal: float = 10.0) -> np.ndarray:
    """Choose `n` diverse low-energy conformers of the wanted isomer.

    ETKDGv3 embeds 4 n candidates (at least 10, and n + 15 for more than five starts), MMFF94s refines them, those over
    `window_kcal` above the lowest are left out, and farthest-point selection on the superposed heavy-atom RMSD picks
    `n`, starting with the lowest. A rigid molecule has fewer than `n` of them: they are then repeated. Where ETKDG
    finds none, the molecule's own conformers take their place.

    Returns
    -------
    numpy.ndarray
        Positions, float64 [n, n_atoms, 3] in Å.

    Raises
    ------
    GenerationError
        When RDKit cannot embed the molecule, or every conformer loses its stereo.
    """
    from rdkit import Chem
    from rdkit.Chem import rdForceFieldHelpers

    mol = _embedded(molecule, max(10, min(4 * n, n + 15)), seed)
    ids = [conformer.GetId() for conformer in mol.GetConformers()]
    if not ids and molecule.rdmol.GetNumConformers():
        mol = Chem.Mol(molecule.rdmol)
        ids = [conformer.GetId() for conformer in mol.GetConformers()]
    if not ids:
        raise GenerationError(f"RDKit's ETKDG finds no 3D structure for {molecule.smiles}.")
    energies = np.zeros(len(ids))
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        with contextlib.suppress(RuntimeError):
            results = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(mol, maxIters=500, mmffVariant="MMFF94s")
            energies = np.array([energy for _, energy in results])
    positions = np.stack([mol.GetConformer(k).GetPositions() for k in ids])
    keeps = np.array([frame_stereo(molecule, frame[None])[0] for frame in positions])
    if not keeps.any():
        raise GenerationError(f"No conformer of {molecule.smiles} from ETKDG and MMFF has its stereo.")
    positions, energies = positions[keeps], energies[keeps]
    low = energies <= np.nanmin(energies) + window_kcal
    positions, energies = positions[low], energies[low]
    picked = far_apart(positions[:, : molecule.n_heavy], [int(np.argmin(energies))], n)
    return np.asarray(positions[[picked[k % len(picked)] for k in range(n)]])


def _embedded(molecule: Molecule, count: int, seed: int) -> Any:
    """RDKit Mol with `count` conformers, or those that there are in the time that RDKit is given.

    One call for all that takes longer than `EMBED_SECONDS` leaves nothing behind: of a steroid on a busy machine, say.
    What comes in as many seconds one after another is then taken.
    """
    from rdkit import Chem
    from rdkit.Chem import rdDistGeom

    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = int(seed) % (2**31 - 1) or 1  # with 0 RDKit embeds one structure again and again
    parameters.useSmallRingTorsions = True
    parameters.timeout = EMBED_SECONDS
    began = time.monotonic()
    for random_coordinates in (False, True):
        parameters.useRandomCoords = random_coordinates
        if not mol.GetNumConformers():
            with contextlib.suppress(RuntimeError):  # RDKit's optimiser gives up on some strained cages
                rdDistGeom.EmbedMultipleConfs(mol, count, parameters)
    now = time.monotonic()
    if mol.GetNumConformers() or now - began < EMBED_SECONDS:
        return mol
    until, one = now + EMBED_SECONDS, Chem.Mol(mol)
    for _ in range(count):
        left = int(until - time.monotonic())
        if left < 1:
            break
        parameters.timeout = left
        parameters.randomSeed = 1 + parameters.randomSeed % (2**31 - 2)
        with contextlib.suppress(RuntimeError):
            if rdDistGeom.EmbedMolecule(one, parameters) >= 0:
                mol.AddConformer(one.GetConformer(), assignId=True)
    return mol


def far_apart(points: np.ndarray, first: Sequence[int], n: int, minimum: float = 0.05) -> list[int]:
    """Indices of up to `n` of `points` [K, N, 3] (Å): the `first`, then ever the one with the largest RMSD to those.

    It ends where the largest is under `minimum` Å.
    """
    picked = list(first)
    nearest = np.min([kabsch_rmsd(points, points[k]) for k in picked], axis=0)
    while len(picked) < min(n, len(points)):
        best = int(np.argmax(nearest))
        if nearest[best] < minimum:
            break
        picked.append(best)
        nearest = np.minimum(nearest, kabsch_rmsd(points, points[best]))
    return picked


def kabsch_rmsd(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """RMSD of each of `points` [K, N, 3] to `reference` [N, 3] after the best proper rotation; Å [K].

    Kabsch, Acta Cryst. A32 (1976) 922: with singular values s of the covariance, the residual is
    |x|² + |y|² - 2 (s1 + s2 ± s3), the sign being that of its determinant.
    """
    x = points - points.mean(axis=1, keepdims=True)
    y = reference - reference.mean(axis=0)
    covariance = np.einsum("kni,nj->kij", x, y)
    singular = np.linalg.svd(covariance, compute_uv=False)
    singular[:, 2] *= np.sign(np.linalg.det(covariance))
    residual = (x**2).sum(axis=(1, 2)) + (y**2).sum() - 2.0 * singular.sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(residual, 0.0) / len(reference)))


def broken_bonds(molecule: Molecule, positions: np.ndarray, reference: np.ndarray, ratio: float = 1.3) -> np.ndarray:
    """Bonds [n, 2] longer than `ratio` times their length in `reference` [n_atoms, 3] in any frame."""
    first, second = molecule.bonds.T
    lengths = np.linalg.norm(positions[:, first] - positions[:, second], axis=-1)
    normal = np.linalg.norm(reference[first] - reference[second], axis=-1)
    return np.asarray(molecule.bonds[(~(lengths <= ratio * normal)).any(axis=0)])


def superpose(positions: np.ndarray, n_heavy: int) -> np.ndarray:
    """Frames [T, N, 3] superposed on the first by their `n_heavy` first atoms (Kabsch), centred; float32."""
    heavy = positions[:, :n_heavy].astype(np.float64)
    centre = heavy.mean(axis=1, keepdims=True)
    covariance = np.einsum("tni,nj->tij", heavy - centre, heavy[0] - centre[0])
    left, _, right = np.linalg.svd(covariance)
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    return np.asarray((positions - centre) @ (left @ right), dtype=np.float32)
