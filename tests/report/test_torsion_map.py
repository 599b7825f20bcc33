"""Where a torsion map puts its angles."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from eginterpolator.report.torsion_map import torsion_map
from tests.builders.conformers import embedded


def test_torsion_map_turns_clockwise_from_the_top():
    molecule, _ = embedded("CCCO")
    counts = np.zeros((1, 100), dtype=int)
    counts[0, 75] = 10  # +90 degrees: to the right
    drawn = torsion_map(molecule, np.array([[0, 1, 2, 3]]), {"reference": counts}, [0.5], standalone=True)
    root = ElementTree.fromstring(drawn)
    space = "{http://www.w3.org/2000/svg}"
    path = next(p for p in root.iter(f"{space}path") if p.get("class") == "reference")
    rim = next(c for c in root.iter(f"{space}circle") if c.get("class") == "rim")
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", path.get("d")), dtype=float)
    centre = np.array([float(rim.get("cx")), float(rim.get("cy"))])
    far = points[np.linalg.norm(points - centre, axis=1) > 10] - centre
    assert len(far) == 2 and (far[:, 0] > 40).all() and np.abs(far[:, 1]).max() < 7
    assert "var(" not in drawn and "JSD 0.50" in drawn
