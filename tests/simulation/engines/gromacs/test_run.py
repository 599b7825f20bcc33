"""Stages that are done, warnings that are not let pass, and the step that mdrun told last."""

from __future__ import annotations

import threading

import pytest

from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.engines.gromacs.program import Gmx
from eginterpolator.simulation.engines.gromacs.run import last_step, run_stages, warnings_of
from eginterpolator.simulation.engines.gromacs.settings import stages
from tests.builders.water import WET

SAID = """
WARNING 1 [file topol.top, line 147]:
  The bond in molecule-type MOL0 between atoms 1 C and 2 C has an estimated
  oscillational period of 1.5e-02 ps, which is less than 5 times the time
  step of 4.0e-03 ps.

Number of degrees of freedom

WARNING 2 [file prod.mdp]:
  Something else
  is odd.

"""


def test_warnings_are_sentences():
    first, second = warnings_of(SAID)
    assert (
        first.startswith("The bond in") and first.endswith("step of 4.0e-03 ps.") and second == "Something else is odd."
    )


def test_the_last_step_is_read_from_the_end(tmp_path):
    log = tmp_path / "gmx.log"
    log.write_text("starting\n")
    assert last_step(log) is None
    log.write_text("step 100, will finish\rstep 1200, remaining wall clock time: 3 s  \r")
    assert last_step(log) == 1200


class Pretended:
    """Stands in for gmx: notes what it is asked and leaves what mdrun leaves."""

    def __init__(self, said="", ends=True):
        self.asked, self.said, self.ends = [], said, ends

    def run(self, folder, tool, *arguments, **options):
        self.asked.append((tool, *map(str, arguments)))
        if tool == "grompp":
            (folder / arguments[arguments.index("-o") + 1]).write_text("tpr")
        elif self.ends:
            (folder / f"{arguments[arguments.index('-deffnm') + 1]}.gro").write_text("gro")
        return self.said


def go(gmx: Pretended, folder, told=lambda step: None):
    run_stages(gmx, folder, WET, stages(WET, 4, 100), seed=3, threads=2, stop=threading.Event(), told=told)  # type: ignore[arg-type]


def test_stages_run_in_order_and_what_is_done_is_not_done_again(tmp_path):
    assert isinstance(Gmx("gmx", "2022"), Gmx)
    gmx = Pretended()
    go(gmx, tmp_path)
    assert [row[0] for row in gmx.asked] == ["grompp", "mdrun"] * 4
    before = [row[row.index("-c") + 1] for row in gmx.asked if row[0] == "grompp"]
    assert before == ["start.gro", "em.gro", "nvt.gro", "npt.gro"]
    assert [("-t" in row) for row in gmx.asked if row[0] == "grompp"] == [False, False, True, True]
    (tmp_path / "prod.gro").unlink()
    (tmp_path / "prod.cpt").write_text("cpt")
    again = Pretended()
    go(again, tmp_path)
    assert [row[0] for row in again.asked] == ["mdrun"]  # its tpr is the checkpoint's
    assert "prod.cpt" in again.asked[0]


def test_other_warnings_and_an_early_end_are_errors(tmp_path):
    with pytest.raises(SimulationError, match="warns of 'em': Something else is odd"):
        go(Pretended(SAID), tmp_path)
    assert not (tmp_path / "em.tpr").exists()
    with pytest.raises(SimulationError, match="ended 'em' before its last step"):
        go(Pretended(ends=False), tmp_path)
