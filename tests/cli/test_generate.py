"""`egi generate`: files, exit codes, and one sentence for each error."""

from __future__ import annotations

import json
import shutil

import MDAnalysis
import mdtraj
import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation import runs
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.models.registry import load_model
from tests.builders.cli import FIVE, GOOD, rows, sentence
from tests.builders.networks import CHIRAL, geometry, molecule

FOLDER = "C7H12O2_163843f2"  # of CHIRAL
PEPTIDE = "CC(=O)" + "N[C@@H](C)C(=O)" * 30 + "NC"  # 312 atoms, and no group that water charges
BAD = {
    "": "The SMILES is empty",
    "C(": "'C(' is not a valid SMILES",
    "C.C": "several fragments",
    "[Xe]": "contains Xe, an element that no model knows",
    PEPTIDE: "155 heavy atoms, more than the 12",
    PEPTIDE.replace("@@", ""): "more than 32 isomers",
    "CC(O)CN": "name one isomer",
    "CCCl": "contains Cl",
    "missing.smi": "There is no file 'missing.smi'",
    "empty.smi": "'empty.smi' holds no molecule",
}


@pytest.mark.parametrize("source", BAD, ids=lambda source: source[:12] or "nothing")
def test_bad_input(egi, tmp_path, source):
    (tmp_path / "empty.smi").write_text("")
    sentence(egi("generate", source), BAD[source])
    sentence(egi("conformers", source), BAD[source])
    assert not list(tmp_path.glob("*/*"))


def test_more_bad_input(egi, tmp_path):
    (tmp_path / "file").write_text("")
    sentence(egi("generate", "CCO", "--out", "file/below"), "Cannot write to --out 'file/below'")
    sentence(egi("generate", "CCO", "--out", "file"), "Cannot write to --out 'file'")
    sentence(egi("generate", "[Xe]", "--force"), "Xe")
    sentence(egi("generate", "CCO", "--model", "nothing"), "no model 'nothing'")
    sentence(egi("generate", "CCO", "--frames", 0), "--frames is 0")
    sentence(egi("generate", "CCO", "--batch", "many"), "--batch is 'many'")
    sentence(egi("generate", "CCO", "--friction", "soup"), "--friction takes a number in 1/ps or 'water', not 'soup'")
    sentence(egi("generate", "CCO", "--friction", "water"), "--friction needs --clock measured")  # by the network here
    sentence(egi("generate", "CCO", "--task", "forward"), "needs --start")
    sentence(egi("generate", "CCO", "--start", "missing.sdf"), "no file 'missing.sdf'")
    (tmp_path / "nan.xyz").write_text("3\n\nC nan 0 0\nC 1.5 0 0\nO 2.2 1.2 0\n")
    sentence(
        egi("generate", "CCO", "--task", "forward", "--start", "nan.xyz", "--frames", 4),
        "Frame 0 of 'nan.xyz' has coordinates that are not finite.",
    )
    (tmp_path / "good.smi").write_text(GOOD)
    sentence(egi("generate", "good.smi", "--start", "x.sdf"), "INPUT holds 4")
    sentence(egi("train", "missing.yaml"), "missing.yaml")
    sentence(egi("view", "missing", "--no-browser"), "no folder 'missing'")


@pytest.mark.parametrize("spoil", ["weights", "header", "config", "no weights", "other class"])
def test_damaged_weights(egi, tmp_path, tiny_folder, spoil):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_folder, folder)
    weights, config = folder / "model.safetensors", folder / "config.json"
    if spoil == "weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif spoil == "header":
        weights.write_bytes(weights.read_bytes()[:20])
    elif spoil == "no weights":
        weights.unlink()
    elif spoil == "config":
        config.write_text(config.read_text()[:50])
    else:
        config.write_text(config.read_text().replace('"CascadedInterpolator"', '"Resnet"'))
    message = "'Resnet' is not a model class" if spoil == "other class" else f"weights in '{folder}' are damaged"
    sentence(egi("generate", "CCO", "--model", folder), message)


def test_a_broken_line_is_one_failure(egi, tmp_path):
    (tmp_path / "five.smi").write_text(FIVE)
    result = egi("generate", "five.smi", "--out", "out", "--quiet")
    assert result.code == 1 and "4 done, 1 failed" in result.out
    assert result.err.startswith("failed: third: 'C(' is not a valid SMILES") and result.err.count("\n") == 1
    names = ["first", "second", "fourth", "fifth"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([*names, "summary.csv", "failures.csv"])
    assert [row["name"] for row in rows(tmp_path / "out" / "summary.csv")] == names
    (failure,) = rows(tmp_path / "out" / "failures.csv")
    assert (failure["name"], failure["smiles"]) == ("third", "C(") and "syntax" in failure["reason"]


def test_molecules_that_fail_are_listed_and_the_others_go_on(egi, tmp_path, monkeypatch):
    (tmp_path / "m.smi").write_text("CCO good\nCCCl chlorine\nC=O crash\nCOC also\n")
    generate = runs.generate_trajectories

    def crashing(model, chosen, *arguments):
        if chosen.name == "crash":
            raise RuntimeError("out of\nmemory")
        return generate(model, chosen, *arguments)

    monkeypatch.setattr(runs, "generate_trajectories", crashing)
    result = egi("generate", "m.smi", "--out", "out", "--json", "-q")
    summary = json.loads(result.out)
    assert result.code == 1 and summary["done"] == ["good", "also"] and summary["skipped"] == []
    assert [(f["name"], f["smiles"]) for f in summary["failures"]] == [("chlorine", "CCCl"), ("crash", "C=O")]
    assert "contains Cl" in summary["failures"][0]["reason"]
    assert summary["failures"][1]["reason"] == "RuntimeError: out of memory"
    forced = egi("generate", "m.smi", "--out", "out", "--force", "-q")
    assert forced.code == 1 and (tmp_path / "out" / "chlorine" / "trajectory_000.xtc").is_file()
    meta = json.loads((tmp_path / "out" / "chlorine" / "meta.json").read_text())
    assert "outside of the training data" in meta["warnings"][0]


def test_the_folder_is_what_other_programs_read(egi, tmp_path, tiny_folder):
    result = egi(
        "generate",
        CHIRAL,
        "--frames",
        12,
        "--samples",
        2,
        "--seed",
        1,
        "--out",
        "out",
        "--report",
        "--precision",
        "fp32",
    )
    assert result.code == 0 and result.out == "1 done; results in out\n"
    folder = tmp_path / "out" / FOLDER
    names = ["meta.json", "molecule.sdf", "states.csv", "states.sdf", "topology.pdb", "torsions.csv"]
    names += ["trajectory_000.xtc", "trajectory_001.xtc"]
    assert sorted(p.name for p in folder.iterdir()) == names
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        FOLDER, "failures.csv", "report.html", "summary.csv",
    ]  # fmt: skip
    wanted = generate_trajectories(
        load_model(tiny_folder), molecule(CHIRAL), GenerationConfig("unconditional", 12, 2, 1, precision="fp32")
    )
    topology, atoms = str(folder / "topology.pdb"), molecule(CHIRAL).n_atoms
    for k, trajectory in enumerate(wanted):
        file = str(folder / f"trajectory_{k:03d}.xtc")
        with_mdtraj = mdtraj.load(file, top=topology)
        assert with_mdtraj.xyz.shape == (12, atoms, 3) and with_mdtraj.timestep == pytest.approx(5.2)
        assert with_mdtraj.time[0] == 0 and with_mdtraj.topology.n_bonds == atoms - 1
        np.testing.assert_allclose(with_mdtraj.xyz * 10, trajectory.positions, atol=0.006)
        universe = MDAnalysis.Universe(topology, file)
        assert len(universe.trajectory) == 12 and universe.trajectory.dt == pytest.approx(5.2)
        np.testing.assert_allclose(universe.atoms.positions, trajectory.positions[0], atol=0.006)
    (record,) = Chem.SDMolSupplier(str(folder / "molecule.sdf"), removeHs=False)
    assert record.GetNumAtoms() == atoms and record.GetProp("smiles") == molecule(CHIRAL).smiles
    back, trajectories, meta = read_molecule_folder(folder)
    assert back.smiles == molecule(CHIRAL).smiles and len(trajectories) == 2
    facts = {
        "smiles": molecule(CHIRAL).smiles, "frame_ps": 5.2, "n_frames": 12, "seed": 1, "model": "tiny-cascaded",
        "task": "unconditional", "strength": 1.0, "sampler": "stochastic", "steps": 3, "precision": "fp32",
        "device": "cpu", "samples": 2, "warnings": [],
    }  # fmt: skip
    assert {key: meta[key] for key in facts} == facts
    assert {"versions", "seconds", "stereo_retention", "valid", "settings"} <= set(meta)
    assert meta["stereo_retention"] == np.mean([t.meta["stereo_retention"] for t in wanted])
    (row,) = rows(tmp_path / "out" / "summary.csv")
    assert (row["name"], row["n_heavy"], row["samples"], row["n_frames"]) == (FOLDER, "9", "2", "12")
    assert rows(tmp_path / "out" / "failures.csv") == []
    assert "<html" in (tmp_path / "out" / "report.html").read_text()[:500]


def test_the_sdf_has_the_smiles_where_a_frame_has_the_stereo(egi, tmp_path, monkeypatch):
    shape = np.float32(np.repeat(geometry(CHIRAL)[None], 6, axis=0))
    made = Trajectory(molecule(CHIRAL), shape, 5.2, {"seconds": 1.0, "stereo_retention": 1.0, "valid": 1.0})
    monkeypatch.setattr(runs, "generate_trajectories", lambda *arguments: [made])
    assert egi("generate", CHIRAL, "--out", "out").code == 0
    mol = Chem.MolFromMolFile(str(tmp_path / "out" / FOLDER / "molecule.sdf"))
    assert Chem.MolToSmiles(mol) == molecule(CHIRAL).smiles


def test_the_same_seed_writes_the_same_bytes_and_the_batch_does_not_matter(egi, tmp_path):
    for out, batch in (("a", "auto"), ("b", "auto"), ("c", "1")):
        assert egi("generate", CHIRAL, "--samples", 3, "--out", out, "--batch", batch).code == 0
    files = [[p.read_bytes() for p in sorted((tmp_path / out / FOLDER).glob("*.xtc"))] for out in "abc"]
    assert files[0] == files[1] and len(files[0]) == 3
    one, other = (read_molecule_folder(tmp_path / out / FOLDER)[1] for out in "ac")
    for k in range(3):
        np.testing.assert_allclose(one[k].positions, other[k].positions, atol=0.0111)  # XTC rounds to 0.01 Å


def test_given_frames_are_in_the_files(egi, tmp_path):
    frames = np.float32([geometry(CHIRAL) + 3.0, 1.02 * geometry(CHIRAL)[:, [1, 2, 0]]])
    Trajectory(molecule(CHIRAL), frames, 5.2).save(tmp_path / "ends.sdf")
    assert egi("generate", CHIRAL, "--task", "forward", "--frames", 20, "--start", "ends.sdf#1", "--out", "f").code == 0
    assert egi(
        "generate", CHIRAL, "--task", "interpolation", "--start", "ends.sdf", "--end", "ends.sdf#1", "--out", "i"
    ).code == 0  # fmt: skip
    forward = read_molecule_folder(tmp_path / "f" / FOLDER)[1][0].positions
    between = read_molecule_folder(tmp_path / "i" / FOLDER)[1][0].positions
    assert len(forward) == 20 and len(between) == 6
    np.testing.assert_allclose(forward[0], frames[1], atol=0.006)
    np.testing.assert_allclose(between[[0, -1]], frames, atol=0.006)
    again = ("generate", CHIRAL, "--task", "forward", "--frames", 20, "--out", "f")
    assert "1 finished before" in egi(*again, "--start", "ends.sdf#1").out
    sentence(egi(*again, "--start", "ends.sdf#0"), "other settings")


def test_no_hydrogens(egi, tmp_path):
    assert egi("generate", "CCO", "--no-hydrogens", "--out", "out").code == 0
    assert read_molecule_folder(tmp_path / "out" / "CCO")[1][0].positions.shape == (6, 3, 3)
    assert mdtraj.load(str(tmp_path / "out" / "CCO" / "topology.pdb")).n_atoms == 3


def test_stereo_is_enumerated(egi, tmp_path):
    assert egi("generate", "CC(O)CN", "--stereo", "enumerate", "--out", "out").code == 0
    assert {row["smiles"] for row in rows(tmp_path / "out" / "summary.csv")} == {"C[C@@H](O)CN", "C[C@H](O)CN"}


def test_a_molecule_that_is_named_twice_is_two(egi, tmp_path):
    (tmp_path / "m.smi").write_text("CCO same\nCC=O same\n")
    assert egi("generate", "m.smi", "--out", "out").code == 0
    assert [Molecule.from_smiles(row["smiles"]).n_heavy for row in rows(tmp_path / "out" / "summary.csv")] == [3, 3]
    assert (tmp_path / "out" / "same_2" / "meta.json").is_file()


def test_solvent_and_temperature_reach_the_model_and_the_files(egi, tmp_path, structures_folder):
    warm = ("--model", structures_folder, "--solvent", "none", "--temperature", 400, "--out", "out")
    assert egi("generate", CHIRAL, *warm).code == 0
    meta = json.loads((tmp_path / "out" / FOLDER / "meta.json").read_text())
    assert (meta["ensemble"], meta["temperature_K"], meta["strength"]) == ("vacuum", 400.0, 0.0)
    assert "in no order of time" in meta["warnings"][0]
    assert "1 finished before" in egi("generate", CHIRAL, *warm).out
    sentence(egi("generate", CHIRAL, *warm, "--temperature", 410), "other settings")
    assert egi("generate", CHIRAL, "--solvent", "water", "--out", "water").code == 0
    meta = json.loads((tmp_path / "water" / FOLDER / "meta.json").read_text())
    assert meta["ensemble"] == "obc2" and "Implicit water stands for explicit water" in meta["warnings"][0]
    sentence(egi("generate", CHIRAL, "--temperature", 350), "on implicit water at 300 K, not at 350 K")
    sentence(egi("generate", CHIRAL, "--solvent", "none"), "not on vacuum); `egi simulate` does")
    sentence(egi("generate", CHIRAL, "--temperature", 200), "--temperature is 200 K; give one from 250 to 500 K")
