"""Code blocks of README and docs, found by sybil, and what they take as given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sybil.document import Document
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from eginterpolator import Molecule, evaluation
from eginterpolator.files.trajectory import Trajectory
from tests.builders import ROOT
from tests.builders.conformers import embedded, walk
from tests.builders.foreign import frames_of, write_system
from tests.builders.networks import geometry, molecule
from tests.builders.records import written

IMPORTED = "CCOC[C@H](O)CCl"
"""The molecule whose trajectories docs/data.md imports."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[^\n]*)$\n", re.MULTILINE))
NOT_RUN = re.compile(r"<!-- not run: ([^\n]+) -->\n\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block: the line of its first word, its language, and why it is not run, if it says so."""

    page: Path
    line: int
    language: str
    source: str
    reason: str | None

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> list[str]:
        """Lines of a shell block, those that go on in an indented line joined; loops are flat."""
        lines: list[str] = []
        for line in self.source.splitlines():
            if lines and line.startswith("   ") and not line.lstrip().startswith("egi"):
                lines[-1] += " " + line.strip()
            else:
                lines.append(line.strip())
        return [line for line in lines if line]


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    found = []
    for region in FENCE(Document(text, str(page))):
        before = NOT_RUN.search(text[: region.start])
        found.append(
            Block(
                page,
                text[: region.start].count("\n") + 2,
                region.lexemes["language"].strip(),
                str(region.lexemes["source"]),
                before and before.group(1),
            )
        )
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
CHEAP = {"--frames": "8", "--samples": "2", "--num": "3", "--replicas": "1", "--ns": "0.01", "--ps": "0.4"} | {
    "--save-ps": "0.1", "--limit": "2",
}  # fmt: skip
"""What options of the pages become, so that a block takes seconds."""


def cheap(command: str) -> list[str]:
    """Words of an `egi` command, its sizes small, in one process."""
    words = shlex.split(command)
    if "--workers" in words:
        at = words.index("--workers")
        del words[at : at + 2]
    if "--ns" in words and "--save-ps" not in words:
        words += ["--save-ps", "1.3"]
    for option, value in CHEAP.items():
        if option in words and not (option == "--save-ps" and "--ns" in words):
            words[words.index(option) + 1] = value
    return words


def given_files(page: Path, folder: Path, model: Path) -> None:
    """The files that a page takes as given, small ones."""
    (folder / "molecules.smi").write_text("CCO ethanol\nCO methanol\n")
    (folder / "drugs.smi").write_text("CCO ethanol\n")
    for name in ("TEST", "test.smi"):
        (folder / name).write_text("CC=O test\n")
    if page.name == "data.md":
        written(folder / "FILE.h5")
        written(folder / "OTHER.h5", ["CCN"])
        frame = write_system(folder / "system.pdb", IMPORTED)
        solute = frames_of(IMPORTED)
        for k, name in enumerate(("a.xtc", "b.xtc")):
            whole = frame[[0] * len(solute)]
            whole.xyz[:, : solute.shape[1]] = (solute + 0.001 * k) / 10.0
            whole.time = np.arange(len(whole)) * 2.0
            whole.save_xtc(str(folder / name))
        shapes = np.repeat(geometry(IMPORTED)[None], 6, axis=0).astype(np.float32)
        Trajectory(molecule(IMPORTED), shapes, 2.0).save(folder / "a.dcd")
        Trajectory(molecule(IMPORTED), shapes[:1], 2.0).save(folder / "solute.sdf")
    if page.name == "own_md.md":
        for k, name in enumerate(("a.xtc", "b.xtc")):
            Trajectory(molecule("CCCO"), walk("CCCO", 60, k), 2.0).save(folder / name)
        Trajectory(molecule("CCCO"), walk("CCCO", 1, 0), 2.0).save(folder / "solute.sdf")
    if page.name == "training.md":
        (folder / "runs" / "data").mkdir(parents=True)
        (folder / "runs" / "qm9_interpolator").mkdir()
        (folder / "runs" / "qm9_interpolator" / "model").symlink_to(model)
        written(folder / "runs" / "data" / "flex.h5")


def evaluation_names() -> dict[str, Any]:
    """Arrays that docs/evaluation.md judges."""
    propanol, random = Molecule.from_smiles("CCCO"), np.random.default_rng(0)
    frames = walk("CCCO", 80, 1)
    chain = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]])
    states = [np.minimum(99, np.cumsum(random.integers(-1, 2, 4000)) % 100) for _ in range(2)]
    return {
        "generated": frames, "reference": walk("CCCO", 80, 2), "p": np.full(10, 0.1), "q": np.linspace(0.0, 0.2, 10),
        "a": random.uniform(-180, 180, 50), "b": random.uniform(-180, 180, 60),
        "x": embedded("CCCO")[1][:3], "y": embedded("CCCO")[1][3:5],
        "numberings": evaluation.numberings(propanol.rdmol, propanol.rdmol).atoms,
        "states": states, "transitions": chain, "paths": [np.array([0, 1, 2])],
    }  # fmt: skip


def task_names() -> dict[str, Any]:
    """Two structures as files, which docs/tasks.md goes on from; no names."""
    for k, name in enumerate(("start.sdf", "end.sdf")):
        Trajectory(molecule("CC[C@H](O)C#CCOC"), embedded("CC[C@H](O)C#CCOC")[1][k : k + 1], 1.0).save(name)
    return {}


NAMES: dict[str, Callable[[], dict[str, Any]]] = {"evaluation.md": evaluation_names, "tasks.md": task_names}
