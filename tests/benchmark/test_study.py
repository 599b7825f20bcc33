"""A small study from data to tables: rows, costs, resume, failures, and the exact row of lambda = 0."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from eginterpolator.benchmark.config import StudyConfig, load_study
from eginterpolator.benchmark.study import Study, dry
from eginterpolator.errors import InputError
from tests.builders.study import CONFIGS, MOLECULES, rows

METRICS = ("cov_r", "mat_r", "cov_p", "mat_p")


@pytest.fixture(scope="module")
def finished(study_file, few_states) -> tuple[Path, dict]:
    """The small study, run once: its folder and what its JSON holds."""
    out = study_file.parent / "out"
    said: list[str] = []
    result = Study(load_study(study_file), out, said.append).run("egi benchmark qm9")
    assert sum("training" in text for text in said) == 4
    return out, result


def test_every_row_of_every_table_is_there(finished):
    out, result = finished
    conformers = rows(result, "conformers")
    assert len(conformers) == 2 * 7 and not any(row["failures"] for row in conformers.values())
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
    (apart,) = [part for part in page.split("\n\n") if "0.305 / 0.292" in part]
    assert apart.startswith("| by the published protocol, not to be compared") and "λ = 0" not in apart
    assert "<script" not in html and "http" not in html and str(out) not in page + html
    with open(out / "tables.csv", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == len(result["rows"])
    first = next(line for line in lines if line["system"] == "ConfGF" and line["delta"] == "0.5")
    wanted = rows(result, "conformers")["ConfGF 0.5"]
    assert float(first["mat_r_mean"]) == wanted["metrics"]["mat_r"]["mean"]
    assert int(first["parameters"]) == wanted["cost"]["parameters"] and first["failed"] == "0"


def test_the_same_call_makes_nothing_twice(finished, study_file, monkeypatch):
    out, result = finished
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix in (".xtc", ".sdf", ".ckpt")}
    said: list[str] = []
    again = Study(load_study(study_file), out, said.append).run("egi benchmark qm9")
    assert not any("training" in text for text in said)
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps} and len(stamps) > 20
    assert again["rows"] == result["rows"]


def test_weights_that_exist_give_the_row_of_the_study_that_trained_them(finished, study_file, few_states, tmp_path):
    out, result = finished
    trained = next((out / "systems").glob("eginterpolator_seed0_*")) / "model"
    shipped = {"name": "shipped", "tables": ["conformers", "forward"], "weights": str(trained), "window": 4}
    values = yaml.safe_load(study_file.read_text())
    values["systems"] = [{**shipped, "sampler": {"name": "sde", "steps": 3}}]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(values))
    again = Study(load_study(tmp_path / "study.yaml"), tmp_path / "out", lambda text: None).run("egi benchmark qm9")
    found = rows(again, "conformers")["shipped 0.5"]
    assert found["metrics"] == rows(result, "conformers")["λ = 0 0.5"]["metrics"]
    assert rows(again, "forward")["shipped"]["metrics"] == rows(result, "forward")["EGInterpolator"]["metrics"]
    known = rows(result, "forward")["EGInterpolator"]["cost"]["parameters"]
    assert found["cost"]["parameters"] == known and "updates" not in found["cost"] and not again["stores_sha256"]


def test_a_molecule_that_fails_is_listed_and_counts(finished, study_file, few_states, monkeypatch):
    """The elements of the training set are a limit of a model: a molecule beyond it fails, the other goes on."""
    from eginterpolator.benchmark import sampling

    def refuse(model, molecules, *arguments, **settings):
        if molecules[0].name == "stiff":
            raise InputError("the molecule does not fit.")
        return conformers(model, molecules, *arguments, **settings)

    conformers = sampling.run_conformers
    monkeypatch.setattr(sampling, "run_conformers", refuse)
    study = load_study(study_file)
    out = study_file.parent / "failing"
    (out / "systems").parent.mkdir(exist_ok=True)
    (out / "systems").symlink_to(finished[0] / "systems")
    result = Study(study, out, lambda text: None, only=("BasicES",)).run("egi benchmark qm9 --only BasicES")
    row = rows(result, "conformers")["BasicES 0.5"]
    assert row["failures"] == {"stiff": "the molecule does not fit."} and row["molecules"] == 1
    assert row["metrics"]["cov_r"]["count"] == 2 and row["metrics"]["mat_r"]["count"] == 1
    assert "failed: BasicES (seed 0): stiff: the molecule does not fit." in (out / "tables.md").read_text()


def test_a_dry_run_takes_two_steps_of_everything(study_file):
    study: StudyConfig = load_study(CONFIGS / "qm9_paper.yaml")
    short = dry(study, Path("made"))
    assert short.made == study.stand_in and short.seeds == study.seeds[:1]
    assert short.unconditional.reference == "made/test" and short.unconditional.frame_ps == study.stand_in.save_ps
    assert short.conformers.reference == "made/conformers" and short.conformers.limit == 2
    for system in short.systems:
        assert not system.sampler or system.sampler["steps"] == 2
        assert system.window == study.system(system.name).window and system.train == study.system(system.name).train
