"""Input files of sander: settings of the protocol, stage by stage."""

from __future__ import annotations

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.export.amber import write_amber
from eginterpolator.simulation.export.settings import RunLength
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.protocol import ImplicitProtocol
from tests.builders.simulation import SHORT, needs_md
from tests.builders.water import WET


def test_other_boxes_than_the_cube_are_refused(tmp_path):
    system = SimulationSystem(None, None, None, 0)
    with pytest.raises(InputError, match="cubic box only"):
        write_amber(tmp_path, Molecule.from_smiles("CO"), system, WET, RunLength(5, 25, 3))
    assert list(tmp_path.iterdir()) == []


@needs_md
def test_stages_and_their_settings(tmp_path):
    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.starts import start_conformers

    molecule = Molecule.from_smiles("CO")
    system = build_system(molecule, start_conformers(molecule, 1)[0], SHORT)
    assert write_amber(tmp_path, molecule, system, ImplicitProtocol(friction="water"), RunLength(5, 25, 3)) == []
    text = (tmp_path / "prod.in").read_text()
    for words in ("gamma_ln = 20.0", "temp0 = 300.0", "igb = 5", "nstlim = 125", "ntwx = 25", "dt = 0.004", "ntc = 2"):
        assert words in text
    commands = [line.split() for line in (tmp_path / "run.sh").read_text().splitlines() if line.startswith("sander")]
    assert [words[words.index("-i") + 1] for words in commands] == ["em.in", "equil.in", "prod.in"]
