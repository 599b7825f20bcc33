"""The 2D drawing: one element that follows the theme, with the place of every heavy atom."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from eginterpolator.chemistry.drawing import drawing
from tests.builders.networks import CHIRAL, molecule


@pytest.mark.parametrize("smiles", [CHIRAL, "C", "c1ccccc1Br", "C[NH3+]"])
def test_every_heavy_atom_has_its_place_in_the_box(smiles):
    svg, places = drawing(molecule(smiles), width=300, height=200)
    assert ElementTree.fromstring(svg).tag.endswith("svg") and svg.startswith("<svg")
    assert places.shape == (molecule(smiles).n_heavy, 2)
    assert (places >= 0).all() and (places <= [300, 200]).all()
    if len(places) > 1:
        apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + 99 * np.eye(len(places))
        assert apart.min() > 5, "atoms lie on each other"


def test_black_is_the_colour_of_the_page_and_the_size_is_the_pages():
    svg, _ = drawing(molecule(CHIRAL))
    assert "currentColor" in svg and "#000000" not in svg
    assert "<!--" not in svg and "width='460px'" not in svg and "viewBox" in svg
