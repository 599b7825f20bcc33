"""Somebody else's package adds a network, a sampler, a reader and a metric; `docs/extend.md` shows that package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from tests.builders import ROOT

EXAMPLE = ROOT / "examples" / "extend"
SMILES = ("CCO", "CCN", "COC", "CC=O", "CCF", "NC=O")


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A folder with the example installed beside it, molecules as XYZ files, and what its user would run."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "package")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", folder / "site", folder / "package"], check=True)
    (folder / "structures").mkdir()
    for number, smiles in enumerate(SMILES):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
        lines = Chem.MolToXYZBlock(mol).splitlines()
        lines[1] = smiles
        (folder / "structures" / f"m{number}.xyz").write_text("\n".join(lines) + "\n")
    return folder


def egi(work: Path, *words: object, codes: tuple[int, ...] = (0,)) -> str:
    """Output of `egi` in `work`, where the example is installed; it must end with one of `codes`."""
    paths = [str(work / "site"), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    code = "from eginterpolator.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=work, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    assert done.returncode in codes, done.stderr
    return done.stdout


def test_a_package_adds_a_reader_a_network_a_sampler_and_a_metric(work):
    manifest = json.loads(egi(work, "data", "import", "structures", "--out", "mine.h5", "--json"))
    assert manifest["molecules"] == len(SMILES) and manifest["source"] == "a folder of XYZ files"
    egi(work, "train", EXAMPLE / "train.yaml")
    trained = json.loads((work / "my-run" / "model" / "config.json").read_text())
    assert trained["model"]["class"] == "DistanceNet" and trained["trained"]["steps"] == 2
    sampling = ("--sampler", "damped", "--steps", 3, "--strength", 0)
    words = (*sampling, "--model", "my-run/model", "--samples", 2, "--frames", 6, "--no-report", "--force")
    for name, seed in (("reference", 1), ("generated", 2)):
        # after two steps of training nothing usable comes out, and that is said with exit code 1
        egi(
            work,
            "generate",
            "CCO",
            *words,
            "--strength",
            0,
            "--samples",
            2,
            "--seed",
            seed,
            "--out",
            name,
            codes=(0, 1),
        )
    (meta,) = (work / "generated").glob("*/meta.json")
    assert json.loads(meta.read_text())["sampler"] == "damped"
    options = ("--frames", 4, "--frame-ps", 5.2, "--oracle-replicas", 0, "--json", "judged.json")
    egi(work, "evaluate", "trajectories", "generated", "reference", *options)
    (found,) = json.loads((work / "judged.json").read_text())["molecules"].values()
    radius = found["generated"]["others"]["gyration"]["radius_angstrom"]
    assert radius > 0
    summary = json.loads((work / "judged.json").read_text())["generated"]["others"]["gyration"]
    assert summary["radius_angstrom"]["mean"] == pytest.approx(radius)


def test_the_guide_shows_the_files_of_the_example():
    page = (ROOT / "docs" / "extend.md").read_text()
    blocks = re.findall(r"```(?:python|toml|yaml)\n(.*?)```", page, re.S)
    files = [*sorted((EXAMPLE / "egi_example").glob("[a-z]*.py")), EXAMPLE / "pyproject.toml", EXAMPLE / "train.yaml"]
    assert [file.name for file in files if file.read_text() not in blocks] == []
