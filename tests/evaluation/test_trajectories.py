"""Folders, ensembles and commands of the evaluation: what cannot be judged is listed, the rest is judged."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.evaluation import loading, msm
from eginterpolator.evaluation.conformers import coverage, evaluate_conformer_folders, rmsd_matrix
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.files.folder import write_conformer_folder, write_molecule_folder
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from tests.builders import ROOT
from tests.builders.conformers import FLEXIBLE, embedded, walk

# --- folders ---------------------------------------------------------------------------------------------------------

CONFIG = EvaluationConfig(frame_ps=5.2, n_frames=40, reference_windows=2, oracle_windows=2)


def write(folder, smiles, n_trajectories, n_frames, frame_ps, molecule=None, order=None):
    molecule = molecule or embedded(smiles)[0]
    order = slice(None) if order is None else order
    frames = [walk(smiles, n_frames, k)[:, order] for k in range(n_trajectories)]
    meta = {"smiles": molecule.smiles, "frame_ps": frame_ps}
    write_molecule_folder(folder, molecule, [Trajectory(molecule, x, frame_ps) for x in frames], meta)


@pytest.fixture
def few_states(monkeypatch):
    """PCCA with 3 states."""
    monkeypatch.setattr(msm, "METASTABLE", 3)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of generated and of reference trajectories; the reference has finer frames."""
    root = tmp_path_factory.mktemp("folders")
    write(root / "reference" / "good", FLEXIBLE, 3, 200, 1.3)
    write(root / "generated" / "good", FLEXIBLE, 2, 50, 5.2)
    return root / "generated", root / "reference"


def test_folders_are_compared_with_the_oracle_beside(folders, few_states):
    result = evaluate_folders(*folders, CONFIG)
    assert not result.failures and list(result.generated) == list(result.oracle) == ["good"]
    values = json.loads(json.dumps(result.to_dict()))
    assert values["schema_version"] == 2 and values["molecules"]["good"]["generated"]["n_frames"] == 100
    assert values["generated"]["length"]["count"] == 6 and values["generated"]["molecules_with_stereo"] == 1
    assert result.oracle["good"].n_trajectories == 2 and result.oracle["good"].n_frames == 80
    again = evaluate_folders(*folders, CONFIG).to_dict()
    assert json.dumps(again) == json.dumps(result.to_dict())
    quiet = evaluate_folders(*folders, EvaluationConfig(**{**vars(CONFIG), "oracle": False}))
    assert not quiet.oracle and quiet.to_dict()["generated"] == result.to_dict()["generated"]


def test_windows_are_whole_thinned_and_seeded():
    replica = np.arange(100.0)[:, None, None] * np.ones((1, 2, 3))
    config = EvaluationConfig(n_frames=10)
    windows = loading.draw_windows([replica], 4, 50, config, np.random.default_rng(0))
    assert {len(w) for w in windows} == {10} and {float(s) for w in windows for s in np.diff(w[:, 0, 0])} == {4.0}
    starts = {float(w[0, 0, 0]) for w in windows}
    assert min(starts) >= 0 and max(starts) <= 63 and len(starts) > 20
    assert [len(w) for w in loading.draw_windows([replica[:30]], 4, 50, config, np.random.default_rng(0))] == [8]


def test_what_cannot_be_compared_is_listed_and_the_rest_judged(folders, few_states, tmp_path, monkeypatch):
    generated, reference = tmp_path / "generated", tmp_path / "reference"
    for source, target in zip(folders, (generated, reference), strict=True):
        shutil.copytree(source, target)
    cases = {
        "absent": (None, "nothing was generated"),
        "single": (("CCO", 1, 1, 5.2), "shorter than two frames"),
        "spacing": (("CCO", 1, 30, 3.0), "do not make 5.2 ps"),
        "another": (("CCN", 1, 30, 5.2), "the reference is CCO"),
        "damaged": (("CCO", 1, 30, 5.2), "damaged"),
        "infinite": (("CCO", 1, 30, 5.2), "not finite in 1 of 30"),
        "missing": (("CC", 1, 30, 5.2), "is CC, and the reference is CCO"),
        "fewer": (("CCCO", 1, 30, 5.2), "has 9 atoms, and its molecule.sdf 12"),
    }
    for name, (made, _) in cases.items():
        write(reference / name, "CCCO" if name == "fewer" else "CCO", 3, 200, 1.3)
        if made:
            write(generated / name, *made)
    write(generated / "alone", "CCO", 1, 30, 5.2)
    (generated / "damaged" / "trajectory_000.xtc").write_bytes(b"nothing")
    (generated / "fewer" / "trajectory_000.xtc").write_bytes(
        (generated / "spacing" / "trajectory_000.xtc").read_bytes()  # 9 atoms
    )
    read = loading.read_molecule_folder

    def reading(folder):
        molecule, trajectories, meta = read(folder)
        if folder.name == "infinite" and folder.parent == generated:
            trajectories[0].positions[4, 0, 0] = np.nan
        return molecule, trajectories, meta

    monkeypatch.setattr(loading, "read_molecule_folder", reading)
    result = evaluate_folders(generated, reference, CONFIG)
    found = {failure["name"]: failure["reason"] for failure in result.failures}
    assert set(found) == {*cases, "alone"} and "no reference" in found["alone"]
    for name, (_, message) in cases.items():
        assert message in found[name], (name, found[name])
        assert "\n" not in found[name] and not found[name].startswith("it could not be compared"), "one clear sentence"
    assert list(result.generated) == ["good"] and set(result.oracle) == {"good", *cases}
    json.dumps(result.to_dict())
    with pytest.raises(InputError, match="no molecule folders"):
        evaluate_folders(tmp_path / "nowhere", reference)


def test_another_atom_order_is_put_right(folders, few_states, tmp_path):
    molecule, _ = embedded(FLEXIBLE)
    order = np.r_[np.arange(molecule.n_heavy)[::-1], np.arange(molecule.n_heavy, molecule.n_atoms)]
    plain = Chem.Mol(molecule.rdmol)
    turned = Molecule.from_rdkit(Chem.RenumberAtoms(plain, order.tolist()), "good")
    assert turned.atomic_numbers.tolist() != molecule.atomic_numbers.tolist()
    write(tmp_path / "good", FLEXIBLE, 2, 50, 5.2, turned, order)
    ours, theirs = (evaluate_folders(g, folders[1], CONFIG) for g in (tmp_path, folders[0]))
    assert not ours.failures and ours.generated["good"].stereo_retention == 1
    for kind, values in ours.generated["good"].jsd.items():
        assert np.allclose(values, theirs.generated["good"].jsd[kind], atol=1e-9), kind


# --- conformers ------------------------------------------------------------------------------------------------------


def test_coverage_by_hand():
    rmsd = np.array([[0.1, 0.9], [0.6, 0.7], [0.4, 2.0], [3.0, 1.0]])
    result = coverage(rmsd, 0.5)
    assert (result.cov_r, result.cov_p) == (0.5, 0.5)
    assert result.mat_r == pytest.approx((0.1 + 0.7) / 2) and result.mat_p == pytest.approx((0.1 + 0.6 + 0.4 + 1.0) / 4)


def test_rmsd_is_over_symmetry_and_atom_orders():
    molecule, _ = embedded("CC(C)CCO")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, 3, randomSeed=1)
    turned = Chem.RenumberAtoms(mol, [2, 1, 0, *range(3, mol.GetNumAtoms())])
    matrix = rmsd_matrix(turned, mol)
    assert matrix.shape == (3, 3) and np.diag(matrix).max() < 1e-5
    plain = Chem.RemoveHs(mol)
    assert matrix[0, 1] == pytest.approx(rdMolAlign.GetBestRMS(plain, Chem.RemoveHs(mol), 0, 1), abs=1e-6)


def test_a_failed_molecule_counts_with_coverage_zero(tmp_path):
    molecule, frames = embedded(FLEXIBLE)
    few = ConformerEnsemble(molecule, frames[:3].astype(np.float32))
    mirrored = np.concatenate([frames[:3], frames[:3] * [1, 1, -1]]).astype(np.float32)
    for name in ("good", "absent"):
        write_conformer_folder(tmp_path / "reference" / name, few, {})
    write_conformer_folder(tmp_path / "generated" / "good", ConformerEnsemble(molecule, mirrored), {})
    result = evaluate_conformer_folders(tmp_path / "generated", tmp_path / "reference", 0.05)
    good = result.molecules(0.05)["good"]
    assert good.cov_r == 1 and 0.5 <= good.cov_p < 1 and result.molecules(0.05)["absent"].mat_r is None
    assert [f["name"] for f in result.failures] == ["absent"] and not result.notes
    values = json.loads(json.dumps(result.to_dict()))
    summary = values["summary"]["0.05"]
    assert (summary["cov_r"]["mean"], summary["cov_r"]["median"], summary["cov_r"]["count"]) == (0.5, 0.5, 2)
    assert summary["cov_r"]["mean_95"] == [0.0, 1.0] and summary["mat_r"]["count"] == 1
    with pytest.raises(InputError, match="delta"):
        evaluate_conformer_folders(tmp_path / "generated", tmp_path / "reference", 0.0)
    assert values["schema_version"] == 2


# --- command line ----------------------------------------------------------------------------------------------------


def test_commands(folders, few_states, tmp_path):
    from typer.testing import CliRunner

    from eginterpolator.cli.evaluate import app

    generated, reference = map(str, folders)
    arguments = ["trajectories", generated, reference, "--frames", "40", "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "MD oracle" in done.output and "2604.03911" in done.output
    assert json.loads((tmp_path / "out.json").read_text())["schema_version"] == 2
    molecule, frames = embedded(FLEXIBLE)
    for name in ("a", "b"):
        write_conformer_folder(tmp_path / "r" / name, ConformerEnsemble(molecule, frames[:2]), {})
    write_conformer_folder(tmp_path / "g" / "a", ConformerEnsemble(molecule, frames[:4]), {})
    partly = CliRunner().invoke(app, ["conformers", str(tmp_path / "g"), str(tmp_path / "r")])
    assert partly.exit_code == 1 and "COV-R" in partly.output and "failed: b" in partly.output
    assert all(f"within {delta} Å" in partly.output for delta in (0.5, 0.75, 1.25))
    one = CliRunner().invoke(app, ["conformers", str(tmp_path / "g"), str(tmp_path / "r"), "--delta", "0.6"])
    assert "within 0.6 Å" in one.output and "1.25" not in one.output


def test_evaluation_imports_no_torch():
    code = (
        "import sys, eginterpolator.evaluation.trajectories, eginterpolator.evaluation.conformers;"
        "sys.exit('torch' in sys.modules or 'deeptime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- schema ----------------------------------------------------------------------------------------------------------


def documented(heading: str) -> set[str]:
    """Words set as code in a section of docs/formats.md."""
    page = (ROOT / "docs" / "formats.md").read_text()
    section = page.split(heading, 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"[A-Za-z_0-9]+", section))


def keys(value: object) -> set[str]:
    """Every key of nested dictionaries."""
    if isinstance(value, dict):
        return set(value) | set().union(*(keys(item) for item in value.values()), set())
    if isinstance(value, list):
        return set().union(*(keys(item) for item in value), set())
    return set()


def test_every_key_of_the_json_is_documented(folders, few_states):
    result = evaluate_folders(*folders, EvaluationConfig(**{**vars(CONFIG), "paths": True}))
    assert keys(result.to_dict()) - documented("## Evaluation") <= {"good"}
    pooled = result.to_dict()["generated"]["torsion"]
    assert pooled["count"] == 3 and pooled["per_molecule"]["count"] == 1
    assert pooled["per_molecule"]["mean"] == pytest.approx(result.generated["good"].jsd["torsion"].mean())


@pytest.mark.slow
def test_workers_give_the_same_numbers(folders):
    from eginterpolator.jobs.tasks import Workers

    alone = evaluate_folders(*folders, CONFIG)
    shared = evaluate_folders(*folders, CONFIG, Workers(count=1))
    assert json.dumps(shared.to_dict()) == json.dumps(alone.to_dict())


def test_interpolation_is_judged_as_paths(folders, few_states, tmp_path):
    molecule = embedded(FLEXIBLE)[0]
    frames = [Trajectory(molecule, walk(FLEXIBLE, 40, k), 5.2) for k in range(2)]
    write_molecule_folder(tmp_path / "good", molecule, frames, {"frame_ps": 5.2, "task": "interpolation"})
    found = evaluate_folders(tmp_path, folders[1], CONFIG)
    assert found.generated["good"].paths is not None and found.oracle["good"].paths is not None
    assert found.generated["good"].paths.paths == 2 and "paths" in found.to_dict()["generated"]
    plain = evaluate_folders(tmp_path, folders[1], EvaluationConfig(**{**vars(CONFIG), "paths": False}))
    assert plain.generated["good"].paths is None


def test_names_of_the_package_are_there():
    from eginterpolator import evaluation

    assert all(getattr(evaluation, name) is not None for name in evaluation.__all__)
    with pytest.raises(AttributeError):
        evaluation.nothing  # noqa: B018
