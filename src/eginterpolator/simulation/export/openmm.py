"""For OpenMM: System, integrator and state as XML, a PDB, and a script that runs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.export.settings import RunLength
from eginterpolator.simulation.parameters import SimulationSystem
from eginterpolator.simulation.protocol import ExplicitProtocol, OpenProtocol, Protocol

SCRIPT = '''"""Minimise, equilibrate and run the system of this folder; the frames go into trajectory.dcd."""

import openmm
from openmm import app, unit

system = openmm.XmlSerializer.deserialize(open("system.xml").read())
integrator = openmm.XmlSerializer.deserialize(open("integrator.xml").read())
pdb = app.PDBFile("system.pdb")
simulation = app.Simulation(pdb.topology, system, integrator)
simulation.loadState("state.xml")
simulation.minimizeEnergy()
simulation.context.setVelocitiesToTemperature({temperature} * unit.kelvin, {seed})
barostats = [force for force in system.getForces() if isinstance(force, openmm.MonteCarloBarostat)]
for barostat in barostats:  # it rests while the temperature settles
    every = barostat.getFrequency()
    barostat.setFrequency(0)
    simulation.context.reinitialize(preserveState=True)
simulation.step({first})
for barostat in barostats:
    barostat.setFrequency(every)
    simulation.context.reinitialize(preserveState=True)
simulation.step({second})
simulation.reporters.append(app.DCDReporter("trajectory.dcd", {stride}, atomSubset=range({n_solute})))
simulation.reporters.append(
    app.StateDataReporter("state.csv", {stride}, time=True, potentialEnergy=True, temperature=True, density={box})
)
simulation.step({steps})
'''


def write_openmm(
    folder: Path, molecule: Molecule, system: SimulationSystem, protocol: Protocol, length: RunLength
) -> list[str]:
    """Write `system.xml`, `integrator.xml`, `state.xml`, `system.pdb` and `run.py`."""
    import openmm
    from openmm import app, unit

    integrator = openmm.LangevinMiddleIntegrator(
        protocol.temperature_K * unit.kelvin,
        protocol.friction_per_ps / unit.picosecond,
        protocol.timestep_fs * unit.femtosecond,
    )
    integrator.setRandomNumberSeed(1 + length.seed)
    context = openmm.Context(
        system.system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions(np.asarray(system.positions) * 0.1)
    state = context.getState(getPositions=True, enforcePeriodicBox=False)
    for name, item in (("system", system.system), ("integrator", integrator), ("state", state)):
        (folder / f"{name}.xml").write_text(openmm.XmlSerializer.serialize(item), encoding="utf-8")
    with open(folder / "system.pdb", "w", encoding="utf-8") as stream:
        app.PDBFile.writeFile(system.topology, np.asarray(system.positions) * 0.1 * unit.nanometer, stream)
    first, second = 0, 0
    if isinstance(protocol, OpenProtocol):
        first = round(protocol.equilibration_ps * 1000 / protocol.timestep_fs)
    elif isinstance(protocol, ExplicitProtocol):
        first, second = int(protocol.nvt_steps), int(protocol.npt_steps)
    text = SCRIPT.format(
        temperature=protocol.temperature_K, seed=1 + length.seed, first=first, second=second, stride=length.stride,
        n_solute=system.n_solute, steps=length.steps, box=isinstance(protocol, ExplicitProtocol),
    )  # fmt: skip
    (folder / "run.py").write_text(text, encoding="utf-8")
    return []
