"""`egi convert` on the command line."""

from __future__ import annotations

import json

import mdtraj

from eginterpolator.files.folder import write_molecule_folder
from tests.builders.cli import sentence
from tests.builders.trajectories import embedded_trajectory


def test_a_run_becomes_files_and_scripts(egi, tmp_path):
    made = embedded_trajectory("CCO")
    write_molecule_folder(tmp_path / "made" / "CCO", made.molecule, [made], {"frame_ps": 1.3, "name": "CCO"})
    found = egi("convert", "made", "--to", "pdb", "--to", "hdf5", "--frames", "::2", "--align")
    assert found.code == 0 and "pymol converted/CCO/view.pml" in found.out and "vmd -e" in found.out
    assert mdtraj.load(str(tmp_path / "converted" / "CCO" / "trajectory_000.pdb")).n_frames == 6
    assert (tmp_path / "converted" / "CCO" / "trajectory_000.h5").is_file()
    found = egi("convert", "made/CCO", "--out", "movie.gro", "--json")
    assert [name.rsplit(".")[-1] for name in json.loads(found.out)["files"]] == ["sdf", "pdb", "gro", "pml", "tcl"]


def test_errors_are_one_sentence(egi, tmp_path):
    sentence(egi("convert", "nothing"), "is no file either")
    sentence(egi("convert", "nothing", "--frames", "a"), "first:last:step")
    sentence(egi("convert", "nothing", "--to", "mol3"), "There is no format 'mol3'")
