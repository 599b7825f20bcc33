"""The report page: its numbers against RDKit, its packing, its files. The page in a browser: test_report_page.py."""

from __future__ import annotations

import re

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.report import ReportMolecule, geometry, trajectory_picture, write_report
from eginterpolator.report.facts import fact_lines, seconds_text, share_text
from eginterpolator.report.payload import molecule_payload
from tests.builders.pages import decoded, embedded, make_trajectory

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


@pytest.fixture(scope="module")
def trajectory() -> Trajectory:
    return make_trajectory()


def distances(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)


# ---- numbers ---------------------------------------------------------------------------------------------------------
def test_superposition_is_a_rotation_that_finds_the_way_back(trajectory):
    rng = np.random.default_rng(0)
    frame = trajectory.positions[0].astype(float)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    back = geometry.superpose((frame @ rotation.T + [4.0, -2.0, 7.0])[None], frame, trajectory.molecule.n_heavy)
    np.testing.assert_allclose(back[0], frame, atol=1e-6)
    mirrored = geometry.superpose(frame[None] * [-1, 1, 1], frame, trajectory.molecule.n_heavy)
    assert np.abs(mirrored[0] - frame).max() > 0.3, "superposition must not turn a molecule into its mirror image"


def test_principal_frame_keeps_handedness_and_lies_along_x(trajectory):
    frame = trajectory.positions[0].astype(float)
    turned = geometry.principal_frame(frame, trajectory.molecule.n_heavy)
    np.testing.assert_allclose(distances(turned[None]), distances(frame[None]), atol=1e-6)
    triple = [turned[i] - turned[0] for i in (1, 2, 3)]
    wanted = [frame[i] - frame[0] for i in (1, 2, 3)]
    assert np.sign(np.linalg.det(triple)) == np.sign(np.linalg.det(wanted))
    spread = turned[: trajectory.molecule.n_heavy].std(axis=0)
    assert spread[0] >= spread[1] >= spread[2]


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


def test_facts_are_readable():
    assert seconds_text(0.42) == "0.4 s" and seconds_text(185) == "3 min 05 s" and seconds_text(7800) == "2 h 10 min"
    assert share_text(0.99996) == "99.9 %", "a lost frame must not be rounded away"
    assert share_text([1.0, 0.5]) == "75.0 %" and share_text(True) == "100 %"
    lines = dict(fact_lines({"seed": 0, "stereo_retention": 1.0, "versions": {"torch": "2.13"}, "note": None}))
    assert lines == {"Seed": "0", "Stereo retention": "100 %", "Versions": "torch 2.13"}


# ---- what the page holds ---------------------------------------------------------------------------------------------
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


def test_page_is_whole_small_and_escapes_what_users_write(tmp_path, trajectory):
    long = Trajectory(trajectory.molecule, np.tile(trajectory.positions, (13, 1, 1))[:500], 5.2, {})
    evil = "</script><script>alert(1)</script>"
    path = tmp_path / "report.html"
    write_report(path, [ReportMolecule(trajectory.molecule, [long] * 10, {"model": evil})], {"title": evil})
    html = path.read_text()
    assert evil not in html
    assert dict(embedded(html)["molecules"][0]["facts"])["Model"] == evil
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)\s*=\s*[\"'](?!data:)", html)
    assert path.stat().st_size < 6e6, f"10 samples x 500 frames x {trajectory.molecule.n_atoms} atoms"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_too_much_data_is_thinned_and_said(trajectory, tmp_path):
    write_report(tmp_path / "r.html", [ReportMolecule(trajectory.molecule, [trajectory])], max_data_mb=0.005)
    data = embedded((tmp_path / "r.html").read_text())
    sample = data["molecules"][0]["samples"][0]
    assert data["stride"] > 1 and sample["frame_ps"] == pytest.approx(5.2 * data["stride"])
    assert sum(data["molecules"][0]["torsions"][0]["all"]) == trajectory.n_frames, "statistics take every frame"


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nothing to report"):
        write_report(tmp_path / "r.html", [], {})
    assert not list(tmp_path.iterdir())


def test_picture(tmp_path, trajectory):
    pytest.importorskip("matplotlib")
    for suffix, head in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        trajectory_picture(trajectory, tmp_path / f"p{suffix}")
        assert (tmp_path / f"p{suffix}").read_bytes().startswith(head)
    with pytest.raises(InputError, match="not as"):
        trajectory_picture(trajectory, tmp_path / "p.doc")


def test_folder_report(tmp_path, trajectory):
    folder = pytest.importorskip("eginterpolator.files.folder")
    from eginterpolator.report import write_folder_report

    folder.write_molecule_folder(
        tmp_path / "demo", trajectory.molecule, [trajectory, trajectory], {"seed": 3, "model": "m"}
    )
    (tmp_path / "failures.csv").write_text("name,smiles,reason\nbad,C(,its syntax cannot be parsed\n")
    data = embedded(write_folder_report(tmp_path).read_text())
    assert [len(m["samples"]) for m in data["molecules"]] == [2]
    assert data["failures"] == [{"name": "bad", "smiles": "C(", "reason": "its syntax cannot be parsed"}]
    with pytest.raises(InputError, match="no folder"):
        write_folder_report(tmp_path / "nowhere")


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
