"""The numbers of a page against RDKit, and its packing."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.report import ReportMolecule
from eginterpolator.report.payload import molecule_payload
from tests.builders.pages import decoded, distances, make_trajectory

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_lengths_and_angles_equal_rdkit(trajectory):
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [trajectory]))
    mol = trajectory.to_rdkit()
    conformers = list(mol.GetConformers())
    for row in payload["bonds"]:
        expected = np.mean([rdMolTransforms.GetBondLength(c, *row["atoms"]) for c in conformers])
        assert row["mean"] == pytest.approx(expected, abs=1e-4)
    for row in payload["angles"]:
        expected = np.mean([rdMolTransforms.GetAngleDeg(c, *row["atoms"]) for c in conformers])
        assert row["mean"] == pytest.approx(expected, abs=1e-3)


def test_payload_keeps_shape_and_chirality(trajectory):
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [trajectory]))
    n_atoms = trajectory.molecule.n_atoms
    positions = decoded(payload["samples"][0], n_atoms)
    np.testing.assert_allclose(distances(positions), distances(trajectory.positions), atol=0.004)
    centre, a, b, c = trajectory.molecule.triples[0]
    signs = np.sign(np.linalg.det(np.stack([positions[:, i] - positions[:, centre] for i in (a, b, c)], axis=1)))
    assert (signs == trajectory.molecule.triple_signs[0]).all()
    assert [t["atoms"] for t in payload["torsions"]] == torsion_quadruples(trajectory.molecule).tolist()
    assert len(payload["places"]) == trajectory.molecule.n_heavy
    assert sum(payload["torsions"][0]["all"]) == trajectory.n_frames


def test_reference_gives_a_distance_and_must_fit(trajectory):
    quads = torsion_quadruples(trajectory.molecule)
    reference = np.random.default_rng(0).uniform(-np.pi, np.pi, (500, len(quads)))
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [trajectory], {}, reference))
    assert all(0 < t["jsd"] < 0.84 and sum(t["reference"]) == 500 for t in payload["torsions"])
    with pytest.raises(InputError, match="one column"):
        molecule_payload(ReportMolecule(trajectory.molecule, [trajectory], {}, reference[:, :-1]))


def test_broken_frames_are_counted_and_never_averaged(trajectory):
    positions = trajectory.positions.copy()
    positions[[0, 7]] = np.nan
    broken = Trajectory(trajectory.molecule, positions, 5.2, {})
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [broken]))
    assert payload["samples"][0]["broken"] == 2
    assert sum(payload["torsions"][0]["all"]) == trajectory.n_frames - 2
    assert np.isfinite(payload["bonds"][0]["mean"])
    with pytest.raises(InputError, match="no frame with finite"):
        nothing = Trajectory(trajectory.molecule, np.full_like(positions, np.nan), 5.2, {})
        molecule_payload(ReportMolecule(trajectory.molecule, [nothing]))


def test_heavy_atoms_alone_are_enough(trajectory):
    heavy = Trajectory(trajectory.molecule, trajectory.positions[:, : trajectory.molecule.n_heavy], 5.2, {})
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [heavy]))
    assert payload["symbols"] == [s for s in payload["symbols"] if s != "H"]
    assert Chem.MolFromMolBlock(payload["molblock"], removeHs=False).GetNumAtoms() == trajectory.molecule.n_heavy


@pytest.mark.parametrize("smiles", ["C", "CO", "C#C", "c1ccccc1"])
def test_small_and_stiff_molecules(smiles):
    payload = molecule_payload(ReportMolecule(Molecule.from_smiles(smiles), [make_trajectory(smiles, 3)]))
    assert payload["samples"][0]["frames"] == 3


def test_warnings_are_on_the_page_and_settings_are_not_said_twice(trajectory):
    meta = {
        "seed": 1,
        "settings": {"seed": 1},
        "warnings": ["It is large."],
        "seconds": 2.0,
        "versions": {"torch": "2"},
    }
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [trajectory], meta))
    assert payload["warnings"] == ["It is large."] and [label for label, _ in payload["facts"]] == ["Seed", "Versions"]
