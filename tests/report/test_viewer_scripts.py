"""Scripts for PyMOL and VMD: what they load, and that VMD's is Tcl that names files beside it."""

from __future__ import annotations

import re

import pytest

from eginterpolator.report.viewer_scripts import PYMOL, VMD, pymol_script, vmd_script

FILES = ("trajectory_000", "trajectory_001")


@pytest.mark.parametrize("kind", PYMOL)
def test_pymol_makes_an_object_of_every_file(kind):
    script = pymol_script([f"{stem}.{kind}" for stem in FILES], "molecule.sdf", "D-ala (1)")
    assert script is not None
    objects = re.findall(r"^load \S+, (\w+)", script, re.M)
    assert objects == ["D_ala_1_000", "D_ala_1_001"]
    assert all(script.count(f"{stem}.{kind}") == 1 for stem in FILES)
    assert ("load molecule.sdf" in script) == (kind in ("dcd", "xtc", "npz"))
    assert "disable D_ala_1_001" in script and "disable D_ala_1_000" not in script


@pytest.mark.parametrize("kind", VMD)
def test_vmd_runs_its_script_in_tcl(kind, tmp_path):
    tkinter = pytest.importorskip("tkinter")
    script = vmd_script([f"{stem}.{kind}" for stem in FILES], "topology.pdb", "ala")
    assert script is not None
    (tmp_path / "view.tcl").write_text(script)
    tcl = tkinter.Tcl()
    tcl.eval("set said {}")
    for command in ("mol", "animate", "display"):
        tcl.eval(f"proc {command} args {{ lappend ::said [linsert $args 0 {command}] }}")
    tcl.eval(f"source {{{tmp_path / 'view.tcl'}}}")
    said = [tcl.splitlist(each) for each in tcl.splitlist(tcl.eval("set said"))]
    loaded = [(words[2], words[4]) for words in said if words[:2] in (("mol", "new"), ("mol", "addfile"))]
    topologies = [(str(tmp_path / "topology.pdb"), "pdb")] if kind in ("dcd", "xtc") else []
    wanted = [each for stem in FILES for each in (*topologies, (str(tmp_path / f"{stem}.{kind}"), kind))]
    assert loaded == wanted and ("mol", "rename", "top", "ala_001") in said


def test_there_is_no_script_for_what_a_program_does_not_read():
    assert pymol_script(["t.h5"], "molecule.sdf", "x") is None and vmd_script(["t.sdf"], "topology.pdb", "x") is None
    assert "load t.pdb, molecule, discrete=0" in (pymol_script(["t.pdb"], "molecule.sdf", "(?)") or "")
