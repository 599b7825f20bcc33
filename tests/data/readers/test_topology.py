"""The solute of a topology: bonds, isomer, elements, and which molecule it is."""

from __future__ import annotations

import mdtraj
import numpy as np
import pytest

from eginterpolator.data.readers.topology import read_topology
from eginterpolator.errors import InputError
from tests.builders.foreign import ALKENE, mol, write_system
from tests.builders.networks import CHIRAL, MIRRORED, molecule


def test_bonds_come_from_distances_where_a_pdb_has_none(tmp_path):
    write_system(tmp_path / "system.pdb", ALKENE)
    text = (tmp_path / "system.pdb").read_text()
    (tmp_path / "system.pdb").write_text("".join(x for x in text.splitlines(True) if not x.startswith("CONECT")))
    assert text.count("CONECT") and read_topology(tmp_path / "system.pdb").molecule.smiles == molecule(ALKENE).smiles


def test_another_isomer_than_that_of_the_coordinates_is_refused(tmp_path):
    write_system(tmp_path / "system.pdb", CHIRAL)
    assert read_topology(tmp_path / "system.pdb", CHIRAL).molecule.smiles == molecule(CHIRAL).smiles
    with pytest.raises(InputError, match="name the molecule it shows"):
        read_topology(tmp_path / "system.pdb", MIRRORED)


def test_a_pdb_atom_without_an_element_is_named(tmp_path):
    write_system(tmp_path / "system.pdb", "CCO", waters=0)
    lines = (tmp_path / "system.pdb").read_text().splitlines()
    k = next(k for k, line in enumerate(lines) if line.startswith(("ATOM", "HETATM")))
    lines[k] = (lines[k][:12] + " Q1 " + lines[k][16:]).ljust(80)[:76] + "    "
    (tmp_path / "system.pdb").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"Atom 1 \(Q1\) of .* has no element"):
        read_topology(tmp_path / "system.pdb")


def test_a_system_of_two_solutes_names_them(tmp_path):
    source, topology = mol("CCO"), mdtraj.Topology()
    for name in ("LIG", "TWO"):
        residue, first = topology.add_residue(name, topology.add_chain()), topology.n_atoms
        for k, atom in enumerate(source.GetAtoms()):
            topology.add_atom(f"{atom.GetSymbol()}{k}", mdtraj.element.Element.getBySymbol(atom.GetSymbol()), residue)
        for bond in source.GetBonds():
            ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
            topology.add_bond(*(topology.atom(first + k) for k in ends))
    x = source.GetConformer().GetPositions()
    mdtraj.Trajectory(np.concatenate([x, x + 10.0])[None] / 10.0, topology).save_pdb(str(tmp_path / "two.pdb"))
    with pytest.raises(InputError, match=r"2 molecules besides water and ions \(residues LIG, TWO\).*--residue"):
        read_topology(tmp_path / "two.pdb")
    assert read_topology(tmp_path / "two.pdb", residue="TWO").atoms.min() == len(x)
