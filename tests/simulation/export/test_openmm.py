"""The script that runs an exported System."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.export.openmm import write_openmm
from eginterpolator.simulation.export.settings import RunLength
from tests.builders.simulation import SHORT, needs_md


@needs_md
@pytest.mark.slow
def test_the_script_runs_and_leaves_its_frames(tmp_path):
    import mdtraj

    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.starts import start_conformers

    molecule = Molecule.from_smiles("CO")
    system = build_system(molecule, start_conformers(molecule, 1)[0], SHORT)
    assert write_openmm(tmp_path, molecule, system, SHORT, RunLength(5, 25, 3)) == []
    done = subprocess.run([sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(mdtraj.load(str(tmp_path / "trajectory.dcd"), top=str(tmp_path / "system.pdb"))) == 5
