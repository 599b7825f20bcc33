"""Blocks of the docs that say `<!-- not run: ... -->`: their `egi` lines, made small, or the test that runs them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from eginterpolator.data.store import write_store
from tests.builders import ROOT
from tests.builders.conformers import FLEXIBLE, write_walks
from tests.builders.docs import BLOCKS, Block, cheap
from tests.builders.records import record
from tests.builders.simulation import needs_md

ELSEWHERE = {
    r"\[--|\|": "tests/integration/test_docs_blocks.py",  # a synopsis: options are looked up
    r"egi (data import structures|train train\.yaml|generate CCO --model my-run)": "tests/integration/test_plugins.py",
    r"egi serve": "tests/serve/test_app_browser.py",
    r"egi benchmark": "tests/integration/test_benchmark_command.py",
    r"--scheduler": "tests/integration/test_cluster.py",
    r"egi data geom": "tests/data/readers/test_geom.py",
    r"egi data import train_data_40k\.pkl": "tests/data/readers/test_confgf.py",
    r"egi data import MD --split": "tests/data/readers/test_published.py",
    r"--protocol explicit": "tests/simulation/engines/gromacs/test_engine.py",  # minutes of water
}
"""What needs more than a stand-in, and the test that does the same; `make`, `pip`, `head` and `awk` are not ours."""
SHORT = ["max_steps=2", "validate_every=2", "data.batch_size=2", "data.validation_share=0.3", "accelerator=cpu"]
WINDOWS = ["data.n_frames=4", "data.strides=[1]"]


def lines_of(block: Block) -> list[str]:
    return [line.replace("$ps", "180") for line in block.commands() if line.startswith("egi ")]


def elsewhere(line: str) -> str | None:
    return next((test for pattern, test in ELSEWHERE.items() if re.search(pattern, line)), None)


BY_PAGE: dict[str, list[str]] = {}
for _block in BLOCKS:
    if _block.reason and _block.language == "sh":
        BY_PAGE.setdefault(_block.page.name, []).extend(x for x in lines_of(_block) if not elsewhere(x))
BY_PAGE = {page: lines for page, lines in BY_PAGE.items() if lines}


def test_what_is_run_elsewhere_names_its_test_and_is_still_there():
    lines = [x for block in BLOCKS if block.reason and block.language == "sh" for x in lines_of(block)]
    for pattern, test in ELSEWHERE.items():
        assert (ROOT / test).is_file() and any(re.search(pattern, line) for line in lines), pattern
    assert {"benchmark.md", "cluster.md", "fine_tune.md", "training.md"} <= set(BY_PAGE)


def stand_ins(folder: Path, page: str, line: str) -> None:
    """Small files of the names that a command reads, where no command before it made them."""
    for word in shlex.split(line)[1:]:
        path = folder / word
        if path.exists() or word.startswith("-"):
            continue
        if word.endswith(".smi") or word == "TEST":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("CC=O test\n" if word == "TEST" else "CCO a\nCOC b\n")
        elif word == "REFERENCE":
            write_walks(path / "flexible", FLEXIBLE, 2, 40, 0.4)
        elif word.endswith(".yaml"):
            if not (ROOT / word).is_file():  # the page shows it
                path.write_text(next(b.source for b in BLOCKS if b.page.name == page and b.language == "yaml"))
            for source in yaml.safe_load((path if path.exists() else ROOT / word).read_text())["data"]["sources"]:
                for store in source["stores"]:
                    write_frames(folder / store)
    out = re.search(r"--out (\S+)", line)
    for store in re.findall(r"\S+\.h5", line):
        if not out or store != out[1]:
            write_frames(folder / store)


def write_frames(path: Path) -> None:
    """A store of four molecules with two replicas of 24 frames, unless there is one."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_store(path, {"seed": 3}) as store:
        for k, smiles in enumerate(("CCO", "CCCO", "COC", "CC(C)O")):
            store.add(record(smiles, f"m{k}", n_frames=24, seed=k))


def small(line: str) -> list[str]:
    """Words of a command, sizes small, files of the repository by their place."""
    words = cheap(line)[1:]
    if words[0] == "train":
        structure = "structure" in words[1]
        config = ROOT / words[1] if (ROOT / words[1]).is_file() else words[1]
        words = ["train", str(config), *(x for x in words[2:] if not x.startswith(("devices", "accelerator")))]
        return [*words, *SHORT, *([] if structure else WINDOWS)]
    if words[:2] == ["data", "qm9"]:
        words += ["--limit", "200"]
    if words[0] == "simulate" and "--ns" not in words:
        words += ["--ns", "0.002", "--save-ps", "0.5", "--replicas", "1"]
    return words


@needs_md
@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(BY_PAGE))
def test_commands_that_take_hours_run_small(page: str, egi, tmp_path):
    """One after the other, in one folder, since what one of them makes another one reads."""
    for line in BY_PAGE[page]:
        stand_ins(tmp_path, page, line)
        result = egi(*small(line))
        assert result.code == 0, (line, result.err)
