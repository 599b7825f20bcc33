"""Exports: another engine reads them and finds the energy of the System that is simulated here."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.export.folder import ExportSettings, export_to_folder
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, VacuumProtocol
from tests.builders.simulation import needs_md
from tests.builders.water import WET, needs_gmx

CATION = "C[NH3+]"
CUBE = ExplicitProtocol(padding_nm=1.0, obc2_start_ps=0.0)


def exported(tmp_path, form, protocol, smiles=CATION, **settings):
    molecule = Molecule.from_smiles(smiles, "mol")
    meta = export_to_folder(molecule, tmp_path, protocol, ExportSettings(form=form, ns=0.01, save_ps=0.4, **settings))
    return molecule, tmp_path / "mol", meta


def energies(system, positions_nm, tail=True) -> dict[str, float]:
    """Energy of each force by OpenMM's Reference platform, kJ/mol; the two solvent terms of AMBER's readers as one."""
    import openmm

    for k, force in enumerate(system.getForces()):
        force.setForceGroup(k)
        if isinstance(force, openmm.NonbondedForce):
            force.setUseDispersionCorrection(tail)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(positions_nm)
    found: dict[str, float] = {}
    for k, force in enumerate(system.getForces()):
        value = context.getState(getEnergy=True, groups={k}).getPotentialEnergy()._value
        if value:
            name = "GB" if "GB" in type(force).__name__ else type(force).__name__
            found[name] = found.get(name, 0.0) + value
    return found


def close(found, wanted, tolerance=0.02):
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name] == pytest.approx(wanted[name], abs=tolerance), name


@needs_md
def test_openmms_files_are_the_system_and_a_script_that_compiles(tmp_path):
    import openmm

    from eginterpolator.simulation.forcefield import build_system

    molecule, folder, meta = exported(tmp_path, "openmm", ImplicitProtocol(friction="water"))
    system = openmm.XmlSerializer.deserialize((folder / "system.xml").read_text())
    state = openmm.XmlSerializer.deserialize((folder / "state.xml").read_text())
    integrator = openmm.XmlSerializer.deserialize((folder / "integrator.xml").read_text())
    positions = state.getPositions(asNumpy=True)._value
    close(
        energies(system, positions),
        energies(build_system(molecule, positions * 10, ImplicitProtocol()).system, positions),
        1e-6,
    )
    assert integrator.getFriction()._value == 20.0 == meta["friction_per_ps"] and meta["ensemble"] == "obc2"
    compile((folder / "run.py").read_text(), "run.py", "exec")
    kept = json.loads((folder / "meta.json").read_text())
    assert kept["protocol"]["force_field"] == "openff-2.2.1.offxml" and kept["export"] == "openmm" and kept["atom_map"]
    assert exported(tmp_path, "openmm", ImplicitProtocol(friction="water"))[2]["resumed"]
    with pytest.raises(InputError, match="another"):
        exported(tmp_path, "amber", ImplicitProtocol(friction="water"))


@needs_md
@pytest.mark.parametrize("protocol", [ImplicitProtocol(), VacuumProtocol()], ids=["implicit", "vacuum"])
def test_amber_finds_the_same_energy_alone(tmp_path, protocol):
    from openmm import app

    from eginterpolator.simulation.forcefield import build_system

    molecule, folder, _ = exported(tmp_path, "amber", protocol)
    positions = np.array(app.AmberInpcrdFile(str(folder / "system.inpcrd")).getPositions(asNumpy=True)._value)
    prmtop = app.AmberPrmtopFile(str(folder / "system.prmtop"))
    solvent = (
        {"implicitSolvent": app.OBC2, "solventDielectric": 78.5, "gbsaModel": None}
        if protocol.name == "implicit"
        else {}
    )
    found = energies(prmtop.createSystem(constraints=app.HBonds, **solvent), positions)
    wanted = energies(build_system(molecule, positions * 10, protocol).system, positions)
    if "GB" in wanted:  # ours counts the surface term that gbsaModel None leaves out
        for terms in (wanted, found):
            terms.pop("GB")
        assert [round(x, 3) for x in _section(folder, "RADII")[:1]] == [1.7]
    close(found, wanted)
    hydrogen = prmtop.createSystem().getParticleMass(molecule.n_atoms - 1)._value
    assert hydrogen == pytest.approx(1.5) and "cut = 999.0" in (folder / "prod.in").read_text()


def _section(folder, flag):
    text = (folder / "system.prmtop").read_text().split(f"%FLAG {flag}")[1].split("%")[1]
    return [float(word) for word in text.splitlines()[1].split()]


@needs_md
@pytest.mark.slow
def test_amber_finds_the_same_energy_in_water_and_refuses_other_boxes(tmp_path):
    from openmm import app

    from eginterpolator.simulation.forcefield import build_system

    molecule, folder, meta = exported(tmp_path, "amber", CUBE)
    inpcrd = app.AmberInpcrdFile(str(folder / "system.inpcrd"))
    positions = np.array(inpcrd.getPositions(asNumpy=True)._value)
    prmtop = app.AmberPrmtopFile(str(folder / "system.prmtop"), periodicBoxVectors=inpcrd.boxVectors)
    system = prmtop.createSystem(
        nonbondedMethod=app.PME, nonbondedCutoff=0.9, switchDistance=0.8, constraints=app.HBonds
    )
    ours = build_system(molecule, positions[: molecule.n_atoms] * 10, CUBE, 1).system
    assert system.getNumParticles() == meta["n_particles"]
    found, wanted = energies(system, positions, tail=False), energies(_same(ours, system, meta), positions, tail=False)
    close(found, wanted, 0.1)
    lengths = [
        {round(s.getConstraintParameters(k)[2]._value, 5) for k in range(s.getNumConstraints())} for s in (system, ours)
    ]
    assert (
        lengths[0] == lengths[1]
        and {0.09572, 0.15139} <= lengths[0]
        and system.getNumConstraints() == ours.getNumConstraints()
    )
    assert "igb = 0" in (folder / "prod.in").read_text() and "barostat = 2" in (folder / "prod.in").read_text()
    with pytest.raises(InputError, match="cubic box only"):
        exported(tmp_path / "small", "amber", WET)


def _same(ours, theirs, meta):
    assert ours.getNumParticles() == theirs.getNumParticles() == meta["n_particles"]
    return ours


@needs_gmx
@pytest.mark.slow
@pytest.mark.parametrize(
    "protocol", [WET, VacuumProtocol(), ImplicitProtocol()], ids=["explicit", "vacuum", "implicit"]
)
def test_grompp_takes_what_is_written_for_gromacs(tmp_path, protocol):
    _, folder, meta = exported(tmp_path, "gromacs", protocol)
    assert ("vacuum" in " ".join(meta["notes"])) == (protocol.name == "implicit")
    lines = [line.split() for line in (folder / "run.sh").read_text().splitlines() if line.startswith("gmx")]
    for words in lines[:2]:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    assert (folder / "em.gro").is_file() and len(lines) == 2 * len(list(folder.glob("*.mdp"))) - 2 * (
        folder / "mdout.mdp"
    ).is_file()


def test_only_known_engines(tmp_path):
    with pytest.raises(InputError, match="gromacs, openmm, amber"):
        exported(tmp_path, "desmond", ImplicitProtocol())
