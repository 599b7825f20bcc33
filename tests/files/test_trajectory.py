"""Trajectories: shapes, RDKit, and input that is refused."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import ConformerEnsemble, NotebookView, Trajectory
from tests.builders.trajectories import embedded_trajectory


@pytest.mark.parametrize("hydrogens", [True, False])
def test_rdkit_has_one_conformer_a_frame_and_the_isomer(hydrogens):
    made = embedded_trajectory(hydrogens=hydrogens)
    mol = made.to_rdkit()
    assert mol.GetNumConformers() == 12
    np.testing.assert_allclose(mol.GetConformer(5).GetPositions(), made.positions[5])
    Chem.AssignStereochemistryFrom3D(mol, 5)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == made.molecule.smiles


def test_wrong_input_is_named(tmp_path):
    made = embedded_trajectory()
    for bad in (made.positions[:, :-1], made.positions[0], made.positions[:0]):
        with pytest.raises(InputError, match="do not fit"):
            Trajectory(made.molecule, bad, 1.0)
    with pytest.raises(InputError, match="spacing"):
        Trajectory(made.molecule, made.positions, 0.0)
    with pytest.raises(InputError, match="suffix"):
        made.save(tmp_path / "t.cif")
    broken = Trajectory(made.molecule, made.positions * np.nan, 1.0)
    with pytest.raises(InputError, match="not finite"):
        broken.save(tmp_path / "t.xtc")
    apart = Trajectory(made.molecule, made.positions + np.float32(3e7), 1.0)
    with pytest.raises(InputError, match="out of XTC's range"):
        apart.save(tmp_path / "t.xtc")
    assert not list(tmp_path.iterdir())
    made.save(tmp_path / "t.xyz")
    with pytest.raises(InputError, match="elements|atoms"):
        Trajectory.load(tmp_path / "t.xyz", Molecule.from_smiles("CCO"))
    assert Trajectory.load(tmp_path / "t.xyz", made.molecule, 5.2).frame_ps == 5.2  # with a warning
    with pytest.raises(InputError, match="missing"):
        Trajectory.load(tmp_path / "none.xtc", made.molecule)
    (tmp_path / "x.npz").write_bytes(b"no zip file")
    with pytest.raises(InputError, match="damaged"):
        Trajectory.load(tmp_path / "x.npz", made.molecule)


def test_ensembles_check_their_energies_and_views_escape_their_page():
    made = embedded_trajectory()
    assert len(ConformerEnsemble(made.molecule, made.positions, np.zeros(12))) == 12
    with pytest.raises(InputError, match="energies"):
        ConformerEnsemble(made.molecule, made.positions, np.zeros(3))
    shown = NotebookView('<p class="a">&</p>')._repr_html_()
    assert len(repr(NotebookView("x" * 9999))) < 100, "a notebook stores the repr as well"
    assert 'srcdoc="&lt;p class=&quot;a&quot;&gt;&amp;&lt;/p&gt;"' in shown
