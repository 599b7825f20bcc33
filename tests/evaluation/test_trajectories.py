"""Folders of trajectories: what cannot be judged is listed, the rest is judged, each key documented."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.evaluation import sources
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders import ROOT
from tests.builders.conformers import FLEXIBLE, embedded, walk, write_folders, write_walks

CONFIG = EvaluationConfig(frame_ps=5.2, n_frames=40)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("folders"))


def test_folders_are_compared_with_the_oracle_beside(folders, few_states):
    result = evaluate_folders(*folders, CONFIG)
    assert not result.failures and list(result.generated) == list(result.oracle) == ["good"]
    values = json.loads(json.dumps(result.to_dict()))
    assert (values["schema_version"], values["protocol"]) == (3, "ours")
    assert values["molecules"]["good"]["generated"]["n_frames"] == 100
    assert values["generated"]["length"]["count"] == 6 and values["generated"]["molecules_with_stereo"] == 1
    oracle = result.oracle["good"]  # every frame of three replicas, each against the two others
    assert (oracle.n_trajectories, oracle.n_frames, len(oracle.folds["torsion"])) == (3, 600, 3)
    assert values["differences"]["length"]["at_oracle"] is None, "one molecule tells nothing"
    assert "reference_windows" not in values["config"]
    again = evaluate_folders(*folders, CONFIG).to_dict()
    assert json.dumps(again) == json.dumps(result.to_dict())
    quiet = evaluate_folders(*folders, EvaluationConfig(**{**vars(CONFIG), "oracle": False}))
    assert not quiet.oracle and quiet.to_dict()["generated"] == result.to_dict()["generated"]
    assert quiet.to_dict()["differences"] == {}
    pairs = evaluate_folders(*folders, EvaluationConfig(**{**vars(CONFIG), "oracle_replicas": 2}))
    assert not pairs.oracle, "three replicas do not make two blocks of two"


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
        write_walks(reference / name, "CCCO" if name == "fewer" else "CCO", 3, 200, 1.3)
        if made:
            write_walks(generated / name, *made)
    write_walks(generated / "alone", "CCO", 1, 30, 5.2)
    (generated / "damaged" / "trajectory_000.xtc").write_bytes(b"nothing")
    (generated / "fewer" / "trajectory_000.xtc").write_bytes(
        (generated / "spacing" / "trajectory_000.xtc").read_bytes()  # 9 atoms
    )
    read = sources.read_molecule_folder

    def reading(folder):
        molecule, trajectories, meta = read(folder)
        if folder.name == "infinite" and folder.parent == generated:
            trajectories[0].positions[4, 0, 0] = np.nan
        return molecule, trajectories, meta

    monkeypatch.setattr(sources, "read_molecule_folder", reading)
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
    write_walks(tmp_path / "good", FLEXIBLE, 2, 50, 5.2, turned, order)
    ours, theirs = (evaluate_folders(g, folders[1], CONFIG) for g in (tmp_path, folders[0]))
    assert not ours.failures and ours.generated["good"].stereo_retention == 1
    for kind, values in ours.generated["good"].jsd.items():
        assert np.allclose(values, theirs.generated["good"].jsd[kind], atol=1e-9), kind


def documented(heading: str) -> set[str]:
    """Words set as code in a section of docs/json.md."""
    page = (ROOT / "docs" / "json.md").read_text()
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
    assert keys(result.to_dict()) - documented("## Trajectories, our protocol") <= {"good"}
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
