"""The program gmx: where it is, and how it is run; what goes wrong is said in one sentence."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import SimulationError

HINT = "install GROMACS (Debian and Ubuntu: apt-get install gromacs), or use the engine openmm"
OLDEST = 2021
"""The first version with the barostat C-rescale."""
LOG = "gmx.log"
PID = "gmx.pid"
POLL_SECONDS = 0.25
PATIENCE_SECONDS = 60.0
"""How long a program that was asked to end may take to write its checkpoint."""


class Stopped(Exception):
    """The run was given up while the program was at work."""


@dataclass(frozen=True)
class Gmx:
    """A GROMACS program.

    Attributes
    ----------
    path, version : str
    """

    path: str
    version: str

    def run(
        self,
        folder: Path,
        *arguments: object,
        given: str = "",
        threads: int = 1,
        stop: threading.Event | None = None,
        watch: Callable[[], None] = lambda: None,
    ) -> str:
        """Run `gmx arguments` in `folder`; what it says goes into its `gmx.log`, and is returned.

        Parameters
        ----------
        given : str
            What it reads from standard input.
        stop : Event, optional
            When it is set the program is asked to end: mdrun then writes a checkpoint.
        watch : callable
            Called now and then while it runs.

        Raises
        ------
        SimulationError
            When it fails: its name and the last that it said.
        Stopped
            When `stop` was set.
        """
        environment = {**os.environ, "GMX_MAXBACKUP": "-1", "OMP_NUM_THREADS": str(threads)}
        with open(folder / LOG, "ab") as log:
            before = log.tell()
            with subprocess.Popen(
                [self.path, "-quiet", *map(str, arguments)], cwd=folder, env=environment,
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
            ) as process:  # fmt: skip
                (folder / PID).write_text(str(process.pid))
                try:
                    assert process.stdin is not None
                    with contextlib.suppress(BrokenPipeError):
                        process.stdin.write(given.encode())
                        process.stdin.close()
                    while process.poll() is None:
                        if stop is not None and stop.is_set():
                            raise Stopped
                        watch()
                        with contextlib.suppress(subprocess.TimeoutExpired):
                            process.wait(POLL_SECONDS)
                finally:
                    _end(process)
                    (folder / PID).unlink(missing_ok=True)
        said = (folder / LOG).read_bytes()[before:].decode(errors="replace")
        if process.returncode:
            raise SimulationError(f"gmx {arguments[0]} failed ({process.returncode}): {last_words(said)}")
        return said


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def last_words(log: str) -> str:
    """What a log of gmx ends with, on one line: the reason of its first error where there is one."""
    found = re.search(r"^ERROR \d+[^\n]*:\n(.*?)\n\s*\n", log, re.M | re.S) or re.search(
        r"(?:Fatal error|Error in user input|Inconsistency in user input):\n(.*?)\n\s*\n", log, re.S
    )
    text = found.group(1) if found else "\n".join([line for line in log.splitlines() if line.strip()][-3:])
    return " ".join(text.split()).rstrip(".")[-400:] + "."


def end_orphan(folder: Path) -> None:
    """End the gmx that an earlier process, which was killed, left at work in `folder`; it writes a checkpoint first."""
    file = folder / PID
    if not file.is_file():
        return
    with contextlib.suppress(ValueError, OSError):
        pid = int(file.read_text())
        if Path(os.readlink(f"/proc/{pid}/cwd")) == folder.resolve():
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < until and Path(f"/proc/{pid}/cwd").exists():
                time.sleep(POLL_SECONDS)
    file.unlink(missing_ok=True)


def find_gmx(platform: str = "auto") -> Gmx:
    """The program on PATH, or at the path that `platform` gives.

    Raises
    ------
    InputError
        When there is none, it does not run, or it is too old.
    """
    path = shutil.which("gmx" if platform == "auto" else platform)
    if path is None:
        where = "on PATH" if platform == "auto" else f"at '{platform}'"
        raise InputError(f"The engine 'gromacs' finds no program gmx {where}; {HINT}.")
    return Gmx(path, _version(path))


@cache
def _version(path: str) -> str:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"'{path}' does not run ({error}); {HINT}.") from error
    found = re.search(r"GROMACS version:\s*(\S+)", said)
    year = re.match(r"(\d{4})", found.group(1)) if found else None
    if found is None or year is None:
        raise InputError(f"'{path}' does not say that it is GROMACS; {HINT}.")
    if int(year.group(1)) < OLDEST:
        raise InputError(f"'{path}' is GROMACS {found.group(1)}, which has no C-rescale; {OLDEST} or later has it.")
    return found.group(1)


def present() -> bool:
    """Whether a gmx that can be used is on PATH."""
    try:
        find_gmx()
    except InputError:
        return False
    return True
