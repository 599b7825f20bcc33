"""Evaluation of what others wrote: datasets, tables, trajectory files with a topology; the figures are the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import mdtraj
import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.data.build import build
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.data.readers.recognise import open_source
from eginterpolator.data.store import Record, write_store
from eginterpolator.errors import InputError
from eginterpolator.evaluation.conformers import evaluate_conformer_folders
from eginterpolator.evaluation.sources import PackedEntry, flat_smiles_of, paired, read_source, trajectory_sources
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.files.folder import read_molecule_folder, write_conformer_folder
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from tests.builders import ROOT
from tests.builders.conformers import FLEXIBLE, embedded, write_folders, write_walks

CONFIG = EvaluationConfig(frame_ps=5.2, n_frames=40)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Molecule folders, and what others make of them: atoms in another order, no times, names without elements."""
    root = tmp_path_factory.mktemp("sources")
    write_folders(root)
    for side in ("generated", "reference"):
        molecule, trajectories, _ = read_molecule_folder(root / side / "good")
        order = np.random.default_rng(4).permutation(molecule.n_atoms)
        shuffled = Chem.RenumberAtoms(trajectories[0].to_rdkit(), order.tolist())
        (root / f"{side}.sdf").write_text(Chem.MolToMolBlock(shuffled) + "$$$$\n")
        Chem.MolToPDBFile(shuffled, str(root / f"{side}.pdb"), confId=0)
        topology = mdtraj.load(str(root / f"{side}.pdb")).topology
        rows = ["# of another program", "NAME;Trajectory;Topology;frame_ps"]
        for k, trajectory in enumerate(trajectories):
            made = mdtraj.Trajectory(trajectory.positions[:, order] / 10.0, topology, time=trajectory.times_ps)
            for suffix in ("dcd", "xtc", "trr", "nc"):
                made.save(str(root / f"{side}{k}.{suffix}"))
            trajectory.save(root / f"{side}{k}.h5")
            rows.append(f"good;{side}{k}.dcd;{side}.sdf;{trajectory.frame_ps}")
        (root / f"{side}.csv").write_text("\n".join([*rows, ""]))
        build(open_source([root / side]), root / f"{side}_store.h5")
    return root


def figures(result) -> dict[str, float]:
    assert not result.failures and list(result.generated) == ["good"]
    found = result.generated["good"]
    return {
        **{kind: float(values.mean()) for kind, values in found.jsd.items()}, "stereo": found.stereo_retention,
        "valid": found.valid, "frames": found.n_frames,
    }  # fmt: skip


@pytest.fixture(scope="module")
def expected(folders):
    return figures(evaluate_folders(folders / "generated", folders / "reference", CONFIG))


@pytest.mark.parametrize("generated", ["generated", "generated.csv", "generated_store.h5"])
@pytest.mark.parametrize("reference", ["reference", "reference.csv", "reference_store.h5"])
def test_datasets_and_tables_give_the_same_figures(folders, expected, few_states, generated, reference):
    found = figures(evaluate_folders(folders / generated, folders / reference, CONFIG))
    assert found == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("suffix", ["dcd", "xtc", "trr", "nc", "h5"])
@pytest.mark.parametrize("topology", ["generated.pdb", "generated.sdf"])
def test_a_trajectory_file_with_a_topology(folders, few_states, suffix, topology):
    options = ImportOptions(
        topology=None if suffix == "h5" else folders / topology, frame_ps=5.2 if suffix == "dcd" else None
    )
    result = evaluate_folders(folders / f"generated0.{suffix}", folders / "reference", CONFIG, files=options)
    found = figures(result)
    assert found["frames"] == 50 and found["stereo"] == 1.0 and found["valid"] > 0.9
    alone = folders / "alone" / "good"
    if not alone.exists():
        shutil.copytree(folders / "generated" / "good", alone)
        (alone / "trajectory_001.xtc").unlink()
    wanted = figures(evaluate_folders(folders / "alone", folders / "reference", CONFIG))
    assert found == pytest.approx(wanted, abs=2e-3)


def test_a_file_as_reference(folders, few_states):
    options = ImportOptions(topology=folders / "reference.sdf", frame_ps=1.3)
    config = EvaluationConfig(frame_ps=5.2, n_frames=40, oracle=False)
    result = evaluate_folders(folders / "generated", folders / "reference0.dcd", config, files=options)
    assert figures(result)["frames"] == 100


def test_a_single_file_is_paired_by_its_graph(folders, tmp_path, few_states):
    write_walks(tmp_path / "many" / "ethanol", "CCO", 2, 60, 5.2)
    shutil.copytree(folders / "reference" / "good", tmp_path / "many" / "good")
    options = ImportOptions(topology=folders / "generated.sdf", frame_ps=5.2)
    ours, references = (trajectory_sources(p, options) for p in (folders / "generated0.dcd", tmp_path / "many"))
    named, _ = paired(ours, references)
    assert list(named) == ["good"]
    shutil.copytree(folders / "reference" / "good", tmp_path / "many" / "again")
    with pytest.raises(InputError, match="is the molecule of 2 of the 3 on the other side"):
        paired(ours, trajectory_sources(tmp_path / "many"))


def test_what_broke_is_judged_and_not_left_out(folders, few_states, tmp_path):
    """`egi data import` leaves replicas out that explode or change stereo; here they are what is to be seen."""
    molecule, (first, _), _ = read_molecule_folder(folders / "generated" / "good")
    Trajectory(molecule, -first.positions, 5.2).save(tmp_path / "a.xtc")
    Trajectory(molecule, first.positions[:1], 5.2).save(tmp_path / "topology.pdb")
    found = figures(evaluate_folders(tmp_path / "a.xtc", folders / "reference", CONFIG))
    assert found["stereo"] == 0.0


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("generated0.dcd", {}, "needs a topology"),
        ("generated0.dcd", {"topology": "generated.sdf"}, "does not tell the time between its frames"),
        ("generated0.dcd", {"topology": "none.sdf"}, "needs a topology"),
        ("nothing", {}, "holds no molecule folders"),
        ("conformers.h5", {}, "holds no trajectories"),
        ("wrong.csv", {}, "no column 'trajectory'"),
    ],
)
def test_what_cannot_be_judged_is_named(folders, few_states, source, options, message):
    molecule, frames = embedded(FLEXIBLE)
    if not (folders / "conformers.h5").exists():
        with write_store(folders / "conformers.h5", {}) as writer:
            writer.add(Record("good", molecule, conformers=np.float32(frames)))
    (folders / "wrong.csv").write_text("name,file\na,b\n")
    options = {key: folders / value for key, value in options.items()}
    try:
        result = evaluate_folders(folders / source, folders / "reference", CONFIG, files=ImportOptions(**options))
        reason = result.failures[0]["reason"]
    except InputError as error:
        reason = str(error)
    assert message in reason and reason.endswith(".")


def test_conformers_of_a_dataset(folders, tmp_path):
    molecule, frames = embedded(FLEXIBLE)
    for count, name in ((12, "all"), (4, "few")):
        write_conformer_folder(tmp_path / name / "good", ConformerEnsemble(molecule, frames[:count]), {})
        with write_store(tmp_path / f"{name}.h5", {}) as writer:
            writer.add(Record("good", molecule, conformers=np.float32(frames[:count])))
    wanted = evaluate_conformer_folders(tmp_path / "all", tmp_path / "few")
    for ours, theirs in (("all.h5", "few"), ("all", "few.h5"), ("all.h5", "few.h5")):
        found = evaluate_conformer_folders(tmp_path / ours, tmp_path / theirs)
        assert not found.failures and found.summary(0.5)["cov_r"]["mean"] == wanted.summary(0.5)["cov_r"]["mean"] == 1.0
        np.testing.assert_allclose(found.matchings["good"].recall, wanted.matchings["good"].recall, atol=1e-3)


def test_the_command_takes_them(egi, folders):
    words = ("evaluate", "trajectories", folders / "generated0.dcd", folders / "reference_store.h5")
    options = ("--topology", folders / "generated.pdb", "--file-frame-ps", "5.2", "--frames", "40", "--no-oracle")
    result = egi(*words, *options, "--json", folders / "out.json")
    assert result.code == 0 and "generated, 1 molecules" in result.out, result
    assert Path(folders / "out.json").is_file()


def test_packed_simulations_are_read_with_what_they_are_samples_of():
    sources = trajectory_sources(ROOT / "datasets" / "water" / "water.h5")
    source = sources["water_qm9_002"]
    molecule, trajectories, meta = read_source(source)
    assert molecule.smiles == "O=C(OCCO)C1CC1" and flat_smiles_of(source) == molecule.smiles_flat and meta == {}
    assert [t.positions.shape for t in trajectories] == [(1000, 9, 3)] * 4 and trajectories[0].frame_ps == 1.3
    assert str(trajectories[0].conditions) == "tip3p, 300 K, 1/ps"
    with pytest.raises(InputError, match="holds no molecule 'absent'"):
        read_source(PackedEntry(source.path, "absent"))
