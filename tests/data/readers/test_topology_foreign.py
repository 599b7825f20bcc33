"""Topologies of other programs: elements from names, encodings; tables with semicolons."""

from __future__ import annotations

import mdtraj
import numpy as np
import pytest

from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.data.readers.recognise import open_source
from eginterpolator.data.readers.topology import read_topology
from eginterpolator.errors import InputError
from tests.builders.foreign import frames_of, mol, read, same_structure
from tests.builders.networks import molecule

HALIDE = "C[C@H](Cl)CBr"


def write(path, elements: bool, conect: bool, left: bool = False) -> None:
    source, lines = mol(HALIDE), []
    for atom, (x, y, z) in zip(source.GetAtoms(), source.GetConformer().GetPositions(), strict=True):
        name = f"{atom.GetSymbol()}{atom.GetIdx()}"
        end = f"          {atom.GetSymbol().upper():>2}" if elements else ""
        name = f"{name:<4}" if left else f" {name:<3}"
        lines.append(f"ATOM  {atom.GetIdx() + 1:5d} {name} LIG A   1    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00{end}")
    if conect:
        lines += [f"CONECT{b.GetBeginAtomIdx() + 1:5d}{b.GetEndAtomIdx() + 1:5d}" for b in source.GetBonds()]
    path.write_bytes("\n".join(["REMARK Universität", *lines, "END", ""]).encode("latin-1"))


@pytest.mark.parametrize("conect", [True, False])
@pytest.mark.parametrize("named", [HALIDE, None])
@pytest.mark.parametrize("left", [True, False])
def test_chlorine_and_bromine_without_an_element_column(tmp_path, conect, named, left):
    write(tmp_path / "a.pdb", False, conect, left)
    solute = read_topology(tmp_path / "a.pdb", named)
    assert solute.molecule.smiles == molecule(HALIDE).smiles
    with pytest.raises(InputError):
        read_topology(tmp_path / "a.pdb", "C[C@@H](Cl)CBr")


def test_a_table_with_semicolons_and_its_frames(tmp_path):
    write(tmp_path / "a.pdb", False, True)
    frames = frames_of(HALIDE)
    mdtraj.Trajectory(frames / 10.0, None, time=2.0 * np.arange(12)).save_xtc(str(tmp_path / "a.xtc"))
    rows = ["# ours", "NAME;Trajectory;Topology;Molecule", f"halogén;a.xtc;a.pdb;{HALIDE}"]
    (tmp_path / "t.csv").write_bytes("\n".join(rows).encode("latin-1"))
    records, _ = read(open_source([tmp_path / "t.csv"]))
    record = records["halogén"]
    same_structure(record.trajectories[0, 0], mol_at(frames[0]), record, 0.03)


def mol_at(frame):
    from eginterpolator.files.sdf import with_conformers

    return with_conformers(mol(HALIDE), frame[None])


def test_a_spacing_that_is_given_is_taken(tmp_path, caplog):
    write(tmp_path / "a.pdb", True, True)
    mdtraj.Trajectory(frames_of(HALIDE) / 10.0, None, time=np.arange(12)).save_xtc(str(tmp_path / "a.xtc"))
    options = ImportOptions(topology=tmp_path / "a.pdb", frame_ps=5.2, name="x")
    records, _ = read(open_source([tmp_path / "a.xtc"], options=options))
    assert records["x"].frame_ps == 5.2 and "--frame-ps 5.2 is taken instead" in caplog.text
