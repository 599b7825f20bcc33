"""The 2D drawing: an SVG that follows the page's theme, and where its atoms are."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from eginterpolator.chemistry.molecule import Molecule

# Element colours that can be read on white and on near-black alike.
_PALETTE = {
    6: (0.0, 0.0, 0.0), 7: (0.22, 0.42, 0.92), 8: (0.88, 0.22, 0.22), 9: (0.15, 0.6, 0.3), 15: (0.85, 0.5, 0.1),
    16: (0.72, 0.55, 0.0), 17: (0.15, 0.6, 0.3), 35: (0.65, 0.3, 0.15), 53: (0.55, 0.25, 0.75),
}  # fmt: skip


def drawing(molecule: Molecule, width: int = 460, height: int = 250) -> tuple[str, np.ndarray]:
    """Draw the heavy-atom skeleton.

    Parameters
    ----------
    molecule : Molecule
        What to draw; the heavy atoms keep their indices.
    width, height : int
        Size of the SVG's view box, in its own units.

    Returns
    -------
    svg : str
        One `<svg>` element without XML header, on a transparent ground; black is `currentColor`.
    positions : float [n_heavy, 2]
        Each heavy atom's place in the view box.
    """
    mol = Chem.Mol(molecule.heavy_mol)
    mol.RemoveAllConformers()
    rdDepictor.SetPreferCoordGen(False)
    rdDepictor.Compute2DCoords(mol)
    rdDepictor.StraightenDepiction(mol)
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = drawer.drawOptions()  # RDKit's stubs type its fields as the object itself
    options.clearBackground = False
    options.bondLineWidth = 1.7
    options.padding = 0.07
    options.fixedBondLength = 58
    options.fixedFontSize = 19
    options.addStereoAnnotation = True
    options.annotationColour = (0.5, 0.5, 0.55)
    options.annotationFontScale = 0.6
    options.updateAtomPalette(_PALETTE)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    positions = np.array([[p.x, p.y] for p in map(drawer.GetDrawCoords, range(mol.GetNumAtoms()))])
    return _themed(drawer.GetDrawingText()), positions


def _themed(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"#000000", "currentColor", svg)
    svg = re.sub(r"\s(width|height)='[\d.]+px'", "", svg)
    return re.sub(r"<!--.*?-->", "", svg, flags=re.S).strip()
