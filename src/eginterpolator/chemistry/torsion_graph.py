"""What the learned clock is told of a molecule: its graph, and of each torsion its ring and MMFF94 barrier.

Mirror images have the same times, so the R/S labels of the graph are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit.Chem import rdForceFieldHelpers

from eginterpolator.chemistry.codes import CHIRALITY_COLUMN
from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule

BOND_RINGS = (3, 4, 5, 6, 7)
"""Sizes of the smallest ring of a torsion's middle bond that are told apart; a larger one is one more."""
KCAL = 5.0
"""MMFF94's constants are divided by it."""
N_FACTS = 1 + len(BOND_RINGS) + 1 + 2 + 4 + 2


@dataclass(frozen=True)
class TorsionGraph:
    """Arrays of one molecule.

    Attributes
    ----------
    codes : int64 [N, len(COLUMNS)]
    charges : float32 [N]
    edges : int64 [N, N]
        As `graph.Graph`.
    torsions : int64 [K, 4]
        As `torsion_quadruples`.
    facts : float32 [K, N_FACTS]
        The same whichever end of the torsion is first.
    """

    codes: np.ndarray
    charges: np.ndarray
    edges: np.ndarray
    torsions: np.ndarray
    facts: np.ndarray


def torsion_graph(molecule: Molecule) -> TorsionGraph:
    """Arrays of a molecule; InputError as `featurize`."""
    graph = featurize(molecule)
    codes = graph.codes.copy()
    codes[:, CHIRALITY_COLUMN] = 0
    quadruples = torsion_quadruples(molecule)
    properties: Any = None
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule.rdmol):
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(molecule.rdmol)
    rows = [_facts(molecule, properties, quadruple) for quadruple in quadruples.tolist()]
    facts = np.array(rows, dtype=np.float32).reshape(-1, N_FACTS)
    return TorsionGraph(codes, graph.charges, graph.edges, quadruples, facts)


def _facts(molecule: Molecule, properties: Any, quadruple: list[int]) -> list[float]:
    a, i, j, b = quadruple
    mol, whole = molecule.heavy_mol, molecule.rdmol
    rings = [len(ring) for ring in mol.GetRingInfo().AtomRings() if i in ring and j in ring]
    ring = min(rings) if mol.GetBondBetweenAtoms(i, j).IsInRing() and rings else 0
    sizes = [float(ring == 0), *(float(ring == size) for size in BOND_RINGS), float(ring > BOND_RINGS[-1])]
    left, right = ([n.GetIdx() for n in whole.GetAtomWithIdx(k).GetNeighbors() if n.GetIdx() != o] for k, o in
                   ((i, j), (j, i)))  # fmt: skip
    barriers = np.zeros(3)
    if properties is not None:
        for first in left:
            for last in right:
                found = properties.GetMMFFTorsionParams(whole, first, i, j, last) if first != last else None
                barriers += np.zeros(3) if found is None else np.array(found[1:])
    heavy = sorted(mol.GetAtomWithIdx(k).GetDegree() - 1 for k in (i, j))
    further = sorted(mol.GetAtomWithIdx(k).GetDegree() - 1 for k in (a, b))
    return [*sizes, *map(float, heavy), float(properties is not None), *(barriers / KCAL), *map(float, further)]
