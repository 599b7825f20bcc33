"""Topology and box: the solute by Interchange, the solvent by the System, both as GROMACS reads them."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.engines.gromacs.topology import sorted_pairs
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.solvent import explicit_system
from eginterpolator.simulation.starts import start_conformers
from tests.builders.simulation import needs_md
from tests.builders.water import WET


@pytest.fixture(scope="module")
def cation() -> tuple[Molecule, SimulationSystem]:
    molecule = Molecule.from_smiles("C[NH3+]")
    return molecule, explicit_system(molecule, start_conformers(molecule, 1, 1)[0], WET, 1)


def test_pairs_are_in_order_and_the_rest_stays():
    pairs = ";ai    aj   funct\n     5\t     8\t     1\n     3\t     1\t     1\n"
    text = f"[ atoms ]\n1\n\n[ pairs ]\n{pairs}\n[ bonds ]\n1 2\n"
    assert sorted_pairs(text) == "[ atoms ]\n1\n\n[ pairs ]\n1 3 1\n5 8 1\n\n[ bonds ]\n1 2\n"
    assert sorted_pairs("[ bonds ]\n1 2\n") == "[ bonds ]\n1 2\n"


@needs_md
def test_the_solvent_has_the_parameters_of_the_system_and_an_ion(cation, tmp_path):
    from eginterpolator.simulation.engines.gromacs.topology import solute_names, solute_topology, solvent, write_box

    molecule, system = cation
    solute = solute_topology(molecule, WET)
    assert len(solute_names(solute)) == molecule.n_atoms and " 1.500000000000" in solute
    write_box(tmp_path, solute, system)
    text = (tmp_path / "topol.top").read_text()
    waters = sum(residue.name == "HOH" for residue in solvent(system))
    assert text.split("[ molecules ]")[1].split() == ["MOL0", "1", "HOH", str(waters), "CL", "1"]
    oxygen = next(line.split() for line in text.splitlines() if line.startswith("HOH_O"))
    assert float(oxygen[5]) == pytest.approx(0.31507524) and float(oxygen[6]) == pytest.approx(0.635968)
    assert "[ settles ]\n1 1 0.09572 0.15139" in text
    assert "-0.834" in text and "CL_Cl 1 CL Cl 1 -1 35.45" in text
    lines = (tmp_path / "start.gro").read_text().splitlines()
    n = len(system.positions)
    assert int(lines[1]) == n and len(lines) == n + 3
    placed = np.array([[float(line[20 + 10 * k : 30 + 10 * k]) for k in range(3)] for line in lines[2:-1]])
    np.testing.assert_allclose(placed, system.positions * 0.1, atol=1e-5)
    box = [float(x) for x in lines[-1].split()]
    np.testing.assert_allclose(box, [2.15, 2.15, 1.52028, 0, 0, 0, 0, 1.075, 1.075], atol=1e-5)
    groups = (tmp_path / "index.ndx").read_text().split("[ Solute ]")[1].split()
    assert groups == [str(k + 1) for k in range(molecule.n_atoms)]
