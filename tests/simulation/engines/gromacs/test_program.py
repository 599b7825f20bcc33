"""The program gmx: found or not, and failures in one sentence."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time

import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.engines.gromacs import program
from eginterpolator.simulation.engines.gromacs.program import Gmx, Stopped, end_orphan, find_gmx, last_words, present

FATAL = """
Program:     gmx grompp, version 2022.5
Source file: src/gromacs/gmxpreprocess/topio.cpp (line 577)

Fatal error:
Unknown molecule type
"SOL"

For more information and tips for troubleshooting, please check the GROMACS
"""


def script(path, text):
    """A program of our own in the place of gmx."""
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_without_the_program_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not present()
    with pytest.raises(InputError, match="no program gmx on PATH; install GROMACS"):
        find_gmx()
    with pytest.raises(InputError, match="at '/nowhere/gmx'"):
        find_gmx("/nowhere/gmx")


@pytest.mark.parametrize(
    ("says", "words"),
    [("GROMACS version:    2019.6", "no C-rescale"), ("something else", "does not say that it is GROMACS")],
)
def test_another_program_or_an_old_one_is_refused(tmp_path, says, words):
    with pytest.raises(InputError, match=words):
        find_gmx(script(tmp_path / "gmx", f"print({says!r})"))


def test_the_last_words_are_the_reason_or_the_last_lines():
    assert last_words(FATAL) == 'Unknown molecule type "SOL".'
    assert last_words(f"ERROR 1 [file topol.top, line 9]:\n  Atomtype STEAM\n  not found\n\n{FATAL}") == (
        "Atomtype STEAM not found."
    )
    assert last_words("one\n\ntwo\nthree\nfour.\n") == "two three four."


def test_a_failure_has_the_name_of_the_tool_and_its_last_words(tmp_path):
    gmx = Gmx(script(tmp_path / "gmx", f"print({FATAL!r}); sys.exit(1)"), "2022")
    with pytest.raises(SimulationError, match=r'gmx grompp failed \(1\): Unknown molecule type "SOL"\.$'):
        gmx.run(tmp_path, "grompp", "-f", "a.mdp")


def test_what_it_is_given_it_reads_and_a_stop_ends_it(tmp_path):
    gmx = Gmx(script(tmp_path / "gmx", "print(sys.stdin.read().upper()); print(sys.argv[2:])"), "2022")
    gmx.run(tmp_path, "energy", given="potential\n")
    assert "POTENTIAL" in (tmp_path / "gmx.log").read_text() and "['energy']" in (tmp_path / "gmx.log").read_text()
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        Gmx(script(tmp_path / "slow", "time.sleep(60)"), "2022").run(tmp_path, "mdrun", stop=stop)
    assert not (tmp_path / program.PID).exists()


def test_an_orphan_in_the_folder_is_ended_and_no_other_process(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    here, elsewhere = (subprocess.Popen(["sleep", "60"], cwd=folder) for folder in (tmp_path, other))
    try:
        (tmp_path / program.PID).write_text(str(here.pid))
        killer = threading.Thread(target=end_orphan, args=(tmp_path,))
        killer.start()
        assert here.wait(10) != 0  # and is gone for good, which is what the other side waits for
        killer.join(10)
        (tmp_path / program.PID).write_text(str(elsewhere.pid))
        end_orphan(tmp_path)
        time.sleep(0.1)
        assert elsewhere.poll() is None and not (tmp_path / program.PID).exists()
    finally:
        here.kill()
        elsewhere.kill()
        here.wait()
        elsewhere.wait()
