"""Validity of frames: bonds, clashes (SPEC section 5), and the shape of what bonds join (`ideal`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdmolops

from eginterpolator.chemistry.features import angle_triples, angles, lengths
from eginterpolator.chemistry.ideal import ideal_geometry
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.shape import Shape, from_plane
from eginterpolator.errors import InputError

SHORTEST, LONGEST = 0.75, 1.3
CLASH_ANGSTROM = {(False, False): 2.1, (False, True): 1.4, (True, True): 1.2}
"""Least distance of atoms more than three bonds apart, by whether each is a hydrogen (see `frame_valid`)."""
ANGLE_DEGREES = 30.0
"""Largest difference of a bond angle from its mean over the reference (see `frame_checks`)."""
PLANE_ANGSTROM = 0.25
"""Largest distance of an aromatic ring's atom from the ring's plane: that of PoseBusters (Buttenschoen et al. 2024)."""
_ORDERS = {"SINGLE": 0.0, "AROMATIC": -0.12, "DOUBLE": -0.19, "TRIPLE": -0.31}


def usual_lengths(molecule: Molecule, bonds: np.ndarray) -> np.ndarray:
    """Usual length of each bond [B, 2], Å: the sum of covalent radii, shortened by the bond order.

    Radii are RDKit's (Cordero et al. 2008); the shortening is that of carbon-carbon bonds (Pyykkö and Atsumi 2009:
    single 1.50, double 1.34, triple 1.20).
    """
    table = Chem.GetPeriodicTable()
    result = []
    for i, j in bonds:
        bond = molecule.rdmol.GetBondBetweenAtoms(int(i), int(j))
        radii = [
            table.GetRcovalent(bond.GetBeginAtom().GetAtomicNum()),
            table.GetRcovalent(bond.GetEndAtom().GetAtomicNum()),
        ]
        result.append(sum(radii) + _ORDERS.get(str(bond.GetBondType()), 0.0))
    return np.array(result)


def mean_lengths(molecule: Molecule, frames: Sequence[np.ndarray]) -> np.ndarray:
    """Mean length of each heavy bond over trajectories [T, N, 3]: float64 [heavy bonds], Å, for `frame_valid`."""
    total = np.sum([lengths(x, molecule.heavy_bonds).sum(axis=0) for x in frames], axis=0)
    return np.asarray(total / sum(len(x) for x in frames))


def out_of_plane(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Largest distance of an atom of each aromatic ring from the ring's best plane: float64 [T, rings], Å."""
    mol = molecule.heavy_mol
    rings = [r for r in mol.GetRingInfo().AtomRings() if all(mol.GetAtomWithIdx(i).GetIsAromatic() for i in r)]
    result = np.zeros((len(positions), len(rings)))
    for k, ring in enumerate(rings):
        result[:, k] = from_plane(positions, np.array([ring]))[:, 0]
    return result


CHECKS = (
    "bonds", "clashes", "angles", "planarity", "centres", "double_bonds", "conjugated", "axes", "rings",
)  # fmt: skip
"""Names of the checks of `frame_checks`."""


def frame_checks(
    molecule: Molecule,
    positions: np.ndarray,
    reference_lengths: np.ndarray | None = None,
    reference_angles: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Whether each frame passes each check: name -> bool [T], the names being those of `CHECKS`.

    Frames of heavy atoms alone are held against what concerns those. Frames that are not finite pass none. The limits
    are those of `chemistry.ideal`, which says on what they were set.

    - `bonds`: 0.75 to 1.3 times the mean of the reference, else the usual length; heavy ones within a quarter of
      RDKit's bounds.
    - `clashes`: atoms more than three bonds apart not nearer than 2.1 Å (heavy atoms), 1.4 Å (one hydrogen) or 1.2 Å
      (two hydrogens); heavy atoms three bonds or more apart not nearer than 0.7 times RDKit's lower bound.
    - `angles`: every bond angle where its centre's hybridisation and its ring put it, sp centres straight. Where
      `reference_angles` [angles] (radians, as `features.angle_triples` orders them) are given, heavy ones also within
      30 degrees of them.
    - `planarity`: every atom of an aromatic ring within 0.25 Å of the ring's plane.
    - `centres`: trigonal carbons in the plane of their neighbours.
    - `double_bonds`: not twisted; both ends of a C=C and their substituents within 0.25 Å of a plane.
    - `conjugated`: amides, esters and their like not twisted.
    - `axes`: the ends of allenes at right angles.
    - `rings`: six-membered rings that are not conjugated not flat: an atom 0.05 Å out of plane.

    Parameters
    ----------
    molecule : Molecule
    positions : [T, n_atoms, 3] or [T, n_heavy, 3], Å
    reference_lengths : [heavy bonds] or [bonds], optional
        Mean length of each of `molecule.heavy_bonds` or `molecule.bonds`, Å. Bonds without one have `usual_lengths`.
    reference_angles : [angles], optional

    Raises
    ------
    InputError
        When there is another number of reference lengths.
    """
    finite = np.isfinite(positions).all(axis=(1, 2))
    positions = np.where(finite[:, None, None], positions, 0.0)
    heavy = positions[:, : molecule.n_heavy]
    ideal = ideal_geometry(molecule)
    shape = Shape(ideal, positions)
    with np.errstate(over="ignore"):
        checks = {
            "bonds": _bonds(molecule, positions, reference_lengths) & shape.distances(0),
            "clashes": _clashes(molecule, positions) & shape.distances(2),
            "angles": shape.angles() & shape.distances(1),
            "planarity": (out_of_plane(molecule, heavy) <= PLANE_ANGSTROM).all(axis=1),
            "centres": shape.centres(),
            "double_bonds": shape.untwisted("double", "double_in_large_ring") & shape.flat_alkenes(PLANE_ANGSTROM),
            "conjugated": shape.untwisted("amide", "ester"),
            "axes": shape.untwisted("axis"),
            "rings": shape.puckered(),
        }
        if reference_angles is not None:
            off = np.abs(angles(heavy, angle_triples(molecule)) - reference_angles)
            checks["angles"] &= (off <= np.radians(ANGLE_DEGREES)).all(axis=1)
    return {name: finite & passed for name, passed in checks.items()}


def frame_valid(
    molecule: Molecule,
    positions: np.ndarray,
    reference_lengths: np.ndarray | None = None,
    reference_angles: np.ndarray | None = None,
) -> np.ndarray:
    """Whether each frame passes every one of `frame_checks`, whose parameters these are; bool [T].

    Raises
    ------
    InputError
        When there is another number of reference lengths.
    """
    return every_check(frame_checks(molecule, positions, reference_lengths, reference_angles))


def every_check(checks: dict[str, np.ndarray]) -> np.ndarray:
    """Frames that pass all of `frame_checks`: bool [T]."""
    return np.asarray(np.logical_and.reduce(list(checks.values())))


def _bonds(molecule: Molecule, positions: np.ndarray, reference_lengths: np.ndarray | None) -> np.ndarray:
    n = positions.shape[1]
    bonds = molecule.bonds if n == molecule.n_atoms else molecule.heavy_bonds
    mean = usual_lengths(molecule, bonds)
    if reference_lengths is not None:
        heavy = (bonds < molecule.n_heavy).all(axis=1)
        if len(reference_lengths) == len(molecule.heavy_bonds):
            mean[heavy] = reference_lengths
        elif len(reference_lengths) == len(molecule.bonds):
            all_heavy = (molecule.bonds < molecule.n_heavy).all(axis=1)
            mean = reference_lengths if n == molecule.n_atoms else np.asarray(reference_lengths)[all_heavy]
        else:
            raise InputError(
                f"There are {len(reference_lengths)} reference lengths; give one for each of the "
                f"{len(molecule.heavy_bonds)} heavy bonds or {len(molecule.bonds)} bonds of '{molecule.name}'."
            )
    with np.errstate(over="ignore"):
        ratio = lengths(positions, bonds) / mean
    return np.asarray(((ratio <= LONGEST) & (ratio >= SHORTEST)).all(axis=1))


def _clashes(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Whether no two atoms more than three bonds apart are too near: bool [T]."""
    n = positions.shape[1]
    separation = rdmolops.GetDistanceMatrix(molecule.rdmol)[:n, :n]
    first, second = np.nonzero(np.triu(separation > 3))
    if not len(first):
        return np.ones(len(positions), dtype=bool)
    hydrogen = molecule.atomic_numbers == 1
    pairs = zip(hydrogen[first], hydrogen[second], strict=True)
    limits = np.array([CLASH_ANGSTROM[bool(min(p)), bool(max(p))] for p in pairs])
    with np.errstate(over="ignore"):
        return np.asarray((lengths(positions, np.stack([first, second], axis=1)) >= limits).all(axis=1))


def failed_shares(checks: dict[str, np.ndarray]) -> dict[str, float]:
    """Share of the frames that fail each of `frame_checks`, of those that some fail."""
    return {name: float((~passed).mean()) for name, passed in checks.items() if not passed.all()}


def valid_share(molecule: Molecule, positions: np.ndarray, reference_lengths: np.ndarray | None = None) -> float:
    """Share of valid frames; see `frame_valid`."""
    return float(frame_valid(molecule, positions, reference_lengths).mean())
