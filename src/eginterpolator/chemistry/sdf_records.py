"""Records of SDF files: text in any encoding, and of a record that cannot be read its title and the reason."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem, RDLogger, rdBase

from eginterpolator.chemistry.text import read_text
from eginterpolator.errors import InputError

END = "$$$$"
_END = re.compile(r"^\$\$\$\$[^\n]*(?:\n|\Z)", re.MULTILINE)


@dataclass(frozen=True)
class SdfRecord:
    """A record: its number from 1, its title, and the molecule, or None and the reason."""

    number: int
    title: str
    mol: Chem.Mol | None
    reason: str = ""


def sdf_records(path: str | os.PathLike[str], sanitize: bool = True) -> Iterator[SdfRecord]:
    """Records of an SDF or MOL file, hydrogens as they are; nothing for an empty file.

    Raises
    ------
    InputError
        When the file is missing or holds no text.
    """
    if not Path(path).is_file():
        raise InputError(f"There is no file '{path}'.")
    records = _END.split(read_text(path))
    if not records[-1].strip():
        del records[-1]
    for number, text in enumerate(records, 1):  # one by one: a record that is cut off would swallow the next
        supplier = Chem.SDMolSupplier()
        supplier.SetData(f"{text}{END}\n", sanitize=sanitize, removeHs=False)
        with rdBase.BlockLogs():  # other packages may have turned them on
            mol = next(iter(supplier), None) if text.strip() else None
        yield SdfRecord(number, text.split("\n", 1)[0].strip(), mol, unreadable(text) if mol is None else "")


def unreadable(record: str) -> str:
    """Why RDKit makes no molecule of the text of a record: one clause, from what it logs."""
    with _logged() as lines:
        Chem.MolFromMolBlock(record.split("M  END")[0] + "M  END\n" if "M  END" in record else record, removeHs=False)
    for line in lines:
        text = re.sub(r"^\[[\d:]+\]\s*|^ERROR:\s*", "", re.sub(r"^\[[\d:]+\]\s*", "", line)).strip()
        if text and not text.startswith(("*", "Post-condition", "Pre-condition", "Invariant")):
            return text[0].lower() + text[1:].rstrip(".")
    return "it is cut off or no record of an SDF"


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    """What RDKit says of errors within the block, and nothing of it on the terminal."""
    lines: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.extend(record.getMessage().splitlines())

    logger = logging.getLogger("rdkit")
    before = (list(logger.handlers), logger.propagate, logger.level)
    rdBase.LogToPythonLogger()
    logger.handlers, logger.propagate = [Collect()], False
    RDLogger.EnableLog("rdApp.error")  # type: ignore[attr-defined]
    try:
        yield lines
    finally:
        rdBase.LogToCppStreams()
        RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
        logger.handlers, logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
