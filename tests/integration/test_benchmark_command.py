"""`egi benchmark`: configs, a small study from data to tables, resume, failures, and the exact row of lambda = 0."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from rdkit import Chem

from eginterpolator.benchmark import training
from eginterpolator.benchmark.config import StudyConfig, find_config, load_study, train_config
from eginterpolator.benchmark.data import conformer_molecules, hash_of, trajectory_molecules
from eginterpolator.benchmark.sampling import short_md
from eginterpolator.benchmark.study import Study, dry
from eginterpolator.benchmark.tables import metric_cell
from eginterpolator.data.store import Record, write_store
from eginterpolator.errors import InputError
from eginterpolator.evaluation import kinetics
from eginterpolator.evaluation.published import published_conformers, published_trajectories
from eginterpolator.files.folder import write_conformer_folder, write_molecule_folder
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from eginterpolator.generation.etkdg import etkdg_conformers
from eginterpolator.models.registry import build_denoiser, model_folder
from eginterpolator.simulation.starts import kabsch_rmsd, start_conformers
from tests.builders import ROOT
from tests.builders.cli import sentence
from tests.builders.conformers import FLEXIBLE, embedded, walk

CONFIGS = ROOT / "configs" / "benchmark"
MOLECULES = {"chain": FLEXIBLE, "stiff": "CCO"}
METRICS = ("cov_r", "mat_r", "cov_p", "mat_p")

STUDY = """
name: small
dataset: qm9
scale: tiny
fairness: nothing is held equal
conformers: {reference: REFERENCES, ensemble: thermal, max_references: 2, deltas: [0.5, 1.0]}
unconditional: {reference: SIMULATIONS, samples: 2, n_frames: 6}
forward: {reference: SIMULATIONS, samples: 2, n_frames: 5, limit: 1}
train:
  data: {sources: [{stores: [STORE]}], batch_size: 4, validation_share: 0.0}
  optimiser: {learning_rate: 1.0e-3, warmup_steps: 1, ema_decay: 0.5}
  precision: fp32
  compile: false
  accelerator: cpu
  max_steps: 3
systems:
  - {name: ETKDG, tables: [conformers], tool: etkdg}
  - {name: ETKDG + MMFF, tables: [conformers], tool: etkdg_mmff}
  - name: ConfGF
    tables: [conformers]
    train: {model: {class: ConfGF, hidden: 8, layers: 1}, process: {class: NCSN}}
    sampler: {name: annealed_langevin, steps: 3, options: {inner: 2}}
    note: fewer steps
  - name: BasicES
    tables: [conformers]
    train: {model: {class: BasicES, hidden: 8, channels: 2, layers: 1}}
    sampler: &sde {name: sde, steps: 3}
  - name: AR+EGNN
    tables: [unconditional, forward]
    train:
      model: {class: AutoregressiveEGNN, hidden: 8, channels: 2, layers: 1}
      data: {n_frames: 2, strides: [4], conditioning: [0.2, 0.8, 0.0]}
    sampler: *sde
    window: 2
  - name: EGInterpolator
    tables: [unconditional, forward]
    structure: BasicES
    train:
      model: {class: CascadedInterpolator, hidden: 8, channels: 2, heads: 2, blocks: 1}
      data: {n_frames: 4, strides: [4]}
      max_steps: 4
    sampler: *sde
    window: 4
  - {name: λ = 0, tables: [conformers, unconditional], of: EGInterpolator, strength: 0.0}
"""


@pytest.fixture(scope="module")
def few_states():
    """PCCA with 3 states: ten take a second a molecule."""
    patch = pytest.MonkeyPatch()
    patch.setattr(kinetics, "METASTABLE", 3, raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    """A study with its data: two molecules that hop between conformers."""
    root = tmp_path_factory.mktemp("benchmark")
    with write_store(root / "train.h5", {}) as store:
        for name, smiles in MOLECULES.items():
            molecule, _ = embedded(smiles)
            frames = np.stack([walk(smiles, 40, 10 + k) for k in range(2)]).astype(np.float32)
            store.add(Record(name, molecule, None, frames, 1.3, "thermal", "made up"))
    for name, smiles in MOLECULES.items():
        molecule, conformers = embedded(smiles)
        replicas = [Trajectory(molecule, walk(smiles, 60, k), 1.3) for k in range(3)]
        meta = {"smiles": molecule.smiles, "frame_ps": 1.3, "seconds": 2.34}
        write_molecule_folder(root / "simulations" / name, molecule, replicas, meta)
        ensemble = ConformerEnsemble(molecule, conformers[:3].astype(np.float32))
        write_conformer_folder(root / "references" / name, ensemble, {})
    text = STUDY.replace("REFERENCES", str(root / "references")).replace("SIMULATIONS", str(root / "simulations"))
    (root / "study.yaml").write_text(text.replace("STORE", str(root / "train.h5")))
    return root / "study.yaml"


@pytest.fixture(scope="module")
def finished(config, few_states) -> tuple[Path, dict]:
    """The small study, run once: its folder and what its JSON holds."""
    out = config.parent / "out"
    said: list[str] = []
    result = Study(load_study(config), out, said.append).run("egi benchmark qm9")
    assert sum("training" in text for text in said) == 4
    return out, result


def rows(result: dict, table: str) -> dict[str, dict]:
    return {f"{row['system']} {row['delta'] or ''}".strip(): row for row in result["rows"] if row["table"] == table}


def test_every_row_of_every_table_is_there(finished):
    out, result = finished
    conformers = rows(result, "conformers")
    assert len(conformers) == 2 * 5 and not any(row["failures"] for row in conformers.values())
    assert set(rows(result, "unconditional")) == {"AR+EGNN", "EGInterpolator", "λ = 0", "MD oracle"}
    assert set(rows(result, "forward")) == {"AR+EGNN", "EGInterpolator", "MD oracle"}
    for row in conformers.values():
        assert all(row["metrics"][name]["count"] == 2 for name in METRICS) and row["molecules"] == 2
        assert row["cost"]["samples"] == 2 * 2 * 2 and row["cost"]["sample_seconds"] > 0
    for table in ("unconditional", "forward"):
        oracle = rows(result, table)["MD oracle"]
        assert oracle["cost"]["sample_seconds_each"] == pytest.approx(
            2.34 / (3 * 60 * 1.3) * 5.2 * (6 - (table == "forward"))
        )
        assert oracle["metrics"]["length"]["mean"] < rows(result, table)["AR+EGNN"]["metrics"]["length"]["mean"]
    oracles = [rows(result, table)["MD oracle"] for table in ("forward", "unconditional")]
    assert [oracle["molecules"] for oracle in oracles] == [1, 2], "the oracle is over the molecules of its table"
    assert json.loads((out / "tables.json").read_text()) == json.loads(json.dumps(result))


def test_costs_are_those_of_the_runs(finished):
    _, result = finished
    interpolator = rows(result, "unconditional")["EGInterpolator"]["cost"]
    structure = rows(result, "conformers")["BasicES 0.5"]["cost"]
    assert (structure["updates"], structure["samples_seen"], structure["stage_one_seconds"]) == (3, 12, 0.0)
    assert (interpolator["updates"], interpolator["samples_seen"], interpolator["frames_a_sample"]) == (4, 16, 4)
    assert interpolator["stage_one_seconds"] == structure["train_seconds"] > 0
    assert interpolator["parameters"] - interpolator["trained_parameters"] == structure["parameters"]
    assert set(interpolator["alpha"]) == {"mixer.logits"} and len(interpolator["alpha"]["mixer.logits"]) == 2
    assert "alpha" not in structure
    assert {"train.h5"} == {name.split("/")[-1] for name in result["stores_sha256"]}
    assert result["machine"]["cores"] >= 1 and "torch" in result["versions"]


def test_lambda_zero_gives_the_basices_row_exactly(finished):
    out, result = finished
    found = rows(result, "conformers")
    for delta in (0.5, 1.0):
        structure, interpolator = (found[f"{name} {delta}"]["metrics"] for name in ("BasicES", "λ = 0"))
        assert structure == interpolator and structure["mat_r"]["mean"] > 0
    folders = [next((out / "samples" / "conformers").glob(f"{name}_seed0_*")) for name in ("basices", "lambda-0")]
    for name in MOLECULES:
        made = [(folder / name / "conformers.sdf").read_bytes() for folder in folders]
        assert made[0] == made[1], "coordinates, digit by digit"
    others = found["ConfGF 0.5"]["metrics"]
    assert others["mat_r"] != found["BasicES 0.5"]["metrics"]["mat_r"]


def test_the_tables_are_written_in_four_ways(finished):
    out, result = finished
    page, html = (out / "tables.md").read_text(), (out / "tables.html").read_text()
    for text in (
        "COV-R, %", "80.4 / 82.1", "coverage within 0.5 Å", "coverage within 1 Å", "TICA 0,1", "λ = 0", "MD oracle",
        "published, arXiv 2604.03911", "0.305 / 0.292", "nothing is held equal", "fewer steps", "4 frames",
        "stage 1 before",
    ):  # fmt: skip
        assert text in page and text.replace("'", "&#39;") in html, text
    assert page.count("80.4 / 82.1") == 1, "the published rows are those of one threshold"
    assert "<script" not in html and "http" not in html and str(out) not in page + html
    with open(out / "tables.csv", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == len(result["rows"])
    first = next(line for line in lines if line["system"] == "ConfGF" and line["delta"] == "0.5")
    wanted = rows(result, "conformers")["ConfGF 0.5"]
    assert float(first["mat_r_mean"]) == wanted["metrics"]["mat_r"]["mean"]
    assert int(first["parameters"]) == wanted["cost"]["parameters"] and first["failed"] == "0"


def test_the_same_call_makes_nothing_twice(finished, config, monkeypatch):
    out, result = finished
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix in (".xtc", ".sdf", ".ckpt")}
    said: list[str] = []
    again = Study(load_study(config), out, said.append).run("egi benchmark qm9")
    assert not any("training" in text for text in said)
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps} and len(stamps) > 20
    assert again["rows"] == result["rows"]


def test_weights_that_exist_give_the_row_of_the_study_that_trained_them(finished, config, few_states, tmp_path):
    out, result = finished
    trained = next((out / "systems").glob("eginterpolator_seed0_*")) / "model"
    shipped = {"name": "shipped", "tables": ["conformers", "forward"], "weights": str(trained), "window": 4}
    values = yaml.safe_load(config.read_text())
    values["systems"] = [{**shipped, "sampler": {"name": "sde", "steps": 3}}]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(values))
    again = Study(load_study(tmp_path / "study.yaml"), tmp_path / "out", lambda text: None).run("egi benchmark qm9")
    found = rows(again, "conformers")["shipped 0.5"]
    assert found["metrics"] == rows(result, "conformers")["λ = 0 0.5"]["metrics"]
    assert rows(again, "forward")["shipped"]["metrics"] == rows(result, "forward")["EGInterpolator"]["metrics"]
    known = rows(result, "forward")["EGInterpolator"]["cost"]["parameters"]
    assert found["cost"]["parameters"] == known and "updates" not in found["cost"] and not again["stores_sha256"]


def test_another_setting_or_other_data_train_anew(config, tmp_path):
    study = load_study(config)
    trainer = training.Trainer(study, tmp_path, print)
    system = study.system("BasicES")
    first = trainer._key(train_config(study, system, 0, tmp_path, None), None)
    assert trainer._key(train_config(study, system, 0, tmp_path / "elsewhere", None), None) == first
    assert trainer._key(train_config(study, system, 1, tmp_path, None), None) != first
    trainer._hashes = {path: "other" for path in trainer._hashes}
    assert trainer._key(train_config(study, system, 0, tmp_path, None), None) != first


def test_a_molecule_that_fails_is_listed_and_counts(finished, config, few_states, monkeypatch):
    """The elements of the training set are a limit of a model: a molecule beyond it fails, the other goes on."""
    from eginterpolator.benchmark import sampling

    def refuse(model, molecules, *arguments, **settings):
        if molecules[0].name == "stiff":
            raise InputError("the molecule does not fit.")
        return conformers(model, molecules, *arguments, **settings)

    conformers = sampling.run_conformers
    monkeypatch.setattr(sampling, "run_conformers", refuse)
    study = load_study(config)
    out = config.parent / "failing"
    (out / "systems").parent.mkdir(exist_ok=True)
    (out / "systems").symlink_to(finished[0] / "systems")
    result = Study(study, out, lambda text: None, only=("BasicES",)).run("egi benchmark qm9 --only BasicES")
    row = rows(result, "conformers")["BasicES 0.5"]
    assert row["failures"] == {"stiff": "the molecule does not fit."} and row["molecules"] == 1
    assert row["metrics"]["cov_r"]["count"] == 2 and row["metrics"]["mat_r"]["count"] == 1
    assert "failed: BasicES (seed 0): stiff: the molecule does not fit." in (out / "tables.md").read_text()


def test_conformers_of_seed_zero_are_not_one_structure():
    """RDKit takes the seed times the conformer's number: the seed 0 is the same for all of them."""
    molecule, _ = embedded(FLEXIBLE)
    for frames in (etkdg_conformers(molecule, 6, seed=0).positions, start_conformers(molecule, 3, seed=0)):
        assert kabsch_rmsd(frames[:, : molecule.n_heavy], frames[0, : molecule.n_heavy]).max() > 0.3


def test_md_of_equal_seconds_needs_the_seconds(config, tmp_path):
    task = load_study(config).unconditional
    made = short_md(trajectory_molecules(Path(task.reference)), task, tmp_path, 0, {}, forward=False)
    assert set(made.failures) == set(MOLECULES) and "whose time it should take" in made.failures["chain"]


def test_targets_carry_no_coordinates(config):
    study = load_study(config)
    targets = trajectory_molecules(Path(study.unconditional.reference)) + conformer_molecules(
        Path(study.conformers.reference)
    )
    assert [target.molecule.name for target in targets] == ["chain", "stiff"] * 2
    assert all(target.molecule.rdmol.GetNumConformers() == 0 for target in targets)
    for target in targets:
        assert target.molecule.smiles == Chem.CanonSmiles(MOLECULES[target.molecule.name])
    assert targets[0].start.shape == (targets[0].molecule.n_atoms, 3) and targets[2].start is None


def test_one_hash_for_the_bytes_and_names_of_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = hash_of(tmp_path)
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    second = hash_of(tmp_path)
    (tmp_path / "a" / "y").write_text("2")
    assert len({first, second, hash_of(tmp_path)}) == 3
    with pytest.raises(InputError, match="does not exist"):
        hash_of(tmp_path / "nowhere")


# configs


def test_the_conformers_of_shipped_weights_need_no_training():
    study = load_study(CONFIGS / "qm9_conformers.yaml")
    assert set(study.tasks()) == {"conformers"} and not any(system.train for system in study.systems)
    assert {s.weights for s in study.systems if s.weights} == {"qm9-obc2"} and model_folder("qm9-obc2").is_dir()


@pytest.mark.parametrize(
    "path", sorted(set(CONFIGS.glob("*.yaml")) - {CONFIGS / "qm9_conformers.yaml"}), ids=lambda path: path.stem
)
def test_every_config_builds_its_networks(path, tmp_path):
    study = load_study(path, tmp_path)
    assert f"{study.dataset}_{study.scale}" == path.stem and study.tasks()
    names = {system.name for system in study.systems}
    if study.conformers is not None:
        assert {"ETKDG", "ETKDG + MMFF", "ConfGF", "GeoDiff-A"} <= names
    assert {"BasicES", "AR+EGNN", "AR+ET", "GeoTDM"} <= names
    assert {"EGInterpolator -N", "EGInterpolator -F", "EGInterpolator, λ = 0", "short MD"} <= names
    for system in study.systems:
        assert system.note or system.tool or system.of or study.scale == "paper", "what the scale forced is listed"
        if system.train is None:
            continue
        config = train_config(study, system, 0, tmp_path, None)
        model = dict(config.model)
        if system.structure:
            structure = train_config(study, study.system(system.structure), 0, tmp_path, None).model
            model["structure"] = {key: value for key, value in structure.items() if key != "class"}
        assert build_denoiser(model, config.process).process.config()["class"] == config.process["class"]
        assert all("qm9-md/test" not in store for source in config.data.sources for store in source.stores)
        if system.window:
            assert config.data.n_frames == system.window


def test_stage_two_settings_do_not_leak_between_systems():
    study = load_study(CONFIGS / "qm9_tiny.yaml", "X")
    structure, window = (train_config(study, study.system(name), 0, Path("o"), None) for name in ("BasicES", "GeoTDM"))
    assert structure.data.n_frames == 1 and structure.data.batch_size == 32
    assert window.data.n_frames == 16 and window.data.batch_size == 4 and window.data.sources == structure.data.sources
    assert structure.data.sources[0].stores == ("X/train.h5",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tool": "etkdg"}, "needs one of train, of, weights and tool"),
        ({"tables": ["conformer"]}, "names the table 'conformer'"),
        ({"sampler": {"name": "euler"}}, "use one of"),
        ({"structure": "BasicEX"}, "has no system 'BasicEX'"),
        ({"structure": "EGInterpolator"}, "must come before it"),
        ({"windw": 2}, "is not a setting"),
    ],
)
def test_bad_systems_are_named(config, tmp_path, change, message):
    values = yaml.safe_load(config.read_text())
    values["systems"][4] |= change
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=message):
        load_study(tmp_path / "bad.yaml")


def test_the_command_says_what_is_wrong(egi, config):
    sentence(egi("benchmark", "drugs", "--config", config), "is a study of qm9, not of drugs")
    sentence(egi("benchmark", "qm9", "--config", config.parent / "none.yaml"), "There is no config")
    sentence(egi("benchmark", "qm9", "--config", config, "--only", "GeoDif"), "has no system 'GeoDif'")
    text = config.read_text().replace("train.h5", "lost.h5")
    (config.parent / "lost.yaml").write_text(text)
    result = egi("benchmark", "qm9", "--config", config.parent / "lost.yaml", "--only", "BasicES", "-q")
    sentence(result, "lost.h5")
    assert find_config("qm9", "tiny").name == "qm9_tiny.yaml"


def test_published_figures_and_cells():
    assert published_conformers("qm9", 0.5)["BasicES"]["cov_r"] == {"mean": 0.8038, "median": 0.8212}
    assert published_conformers("drugs", 0.75) == {} and published_trajectories("qm9", "forward") == {}
    figures = published_trajectories("drugs", "forward")
    assert figures["EGInterpolator"]["tica_01"] == {"mean": 0.650, "median": 0.644}
    assert "decorrelation" not in figures["GeoTDM"] and figures["EGInterpolator -N"]["angle"] == {"mean": 0.332}
    assert metric_cell("cov_r", {"mean": 0.5, "median": 0.25, "mean_95": (0.4, 0.6)}) == "50.0 / 25.0 (40.0–60.0)"
    assert metric_cell("angle", {"mean": 0.332}) == "0.332" and metric_cell("angle", None) == "–"


def test_a_dry_run_takes_two_steps_of_everything(config):
    study: StudyConfig = load_study(CONFIGS / "qm9_paper.yaml")
    short = dry(study, Path("made"))
    assert short.made == study.stand_in and short.seeds == study.seeds[:1]
    assert short.unconditional.reference == "made/test" and short.unconditional.frame_ps == study.stand_in.save_ps
    assert short.conformers.reference == "made/conformers" and short.conformers.limit == 2
    for system in short.systems:
        assert not system.sampler or system.sampler["steps"] == 2
        assert system.window == study.system(system.name).window and system.train == study.system(system.name).train


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["qm9", "drugs"])
def test_the_tiny_study_from_simulation_to_tables(dataset, tmp_path, egi):
    result = egi("benchmark", dataset, "--scale", "tiny", "--out", tmp_path / "out", "-q")
    assert result.code == 0, result.err
    found = json.loads((tmp_path / "out" / "tables.json").read_text())["rows"]
    by_system = {row["system"]: row for row in found}
    systems = load_study(CONFIGS / f"{dataset}_tiny.yaml", "X").systems
    assert len(by_system) == len(systems) + 1 and not any(row["failures"] for row in found)
    oracle, model = by_system["MD oracle"]["metrics"], by_system["EGInterpolator, cascaded"]["metrics"]
    assert oracle["length"]["mean"] < model["length"]["mean"]


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["qm9", "drugs"])
def test_the_published_setting_is_built_and_takes_two_steps(dataset, tmp_path, egi):
    result = egi("benchmark", dataset, "--scale", "paper", "--dry-run", "--out", tmp_path / "out", "-q")
    assert result.code == 0, result.err
    page = (tmp_path / "out" / "tables.md").read_text()
    assert "DRY RUN" in page and "short MD" in page
