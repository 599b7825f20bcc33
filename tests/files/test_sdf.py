"""SDF files: the SMILES in it outweighs its first frame."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.sdf import sdf_molecule, write_sdf
from tests.builders.trajectories import embedded_trajectory


def test_the_smiles_of_an_sdf_outweighs_a_mirrored_first_frame(tmp_path):
    made = embedded_trajectory()
    write_sdf(tmp_path / "m.sdf", made.molecule, -made.positions[:1])
    assert Molecule.from_sdf(tmp_path / "m.sdf").smiles != made.molecule.smiles
    molecule, order = sdf_molecule(tmp_path / "m.sdf")
    assert molecule.smiles == made.molecule.smiles
    np.testing.assert_array_equal(order, np.arange(molecule.n_atoms))
    np.testing.assert_array_equal(molecule.bonds, made.molecule.bonds)
