"""Reference MD: protocols, start conformers, and what a few picoseconds of it must satisfy."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.generation.etkdg import etkdg_conformers
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, protocol_named
from eginterpolator.simulation.starts import broken_bonds, kabsch_rmsd, start_conformers, superpose

CHIRAL = "CC[C@H](O)C#CCOC"
SHORT = ImplicitProtocol(equilibration_ps=0.4)


def _md_missing() -> str:
    from eginterpolator.simulation.forcefield import require_openmm

    try:
        require_openmm()
    except InputError as error:
        return str(error)
    return ""


MISSING = _md_missing()
needs_md = pytest.mark.skipif(bool(MISSING), reason=MISSING or "present")


def _rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def test_protocols_are_those_of_the_specification() -> None:
    for protocol in (ImplicitProtocol(), ExplicitProtocol()):
        assert (protocol.temperature_K, protocol.friction_per_ps, protocol.timestep_fs) == (300.0, 1.0, 4.0)
        assert protocol.hydrogen_mass_amu == 1.5 and protocol.force_field == "openff-2.2.1.offxml"
    explicit = protocol_named("explicit").to_dict()
    wanted = dict(padding_nm=1.5, cutoff_nm=0.9, switch_nm=0.8, nvt_steps=5000, pressure_bar=1.0)
    assert {key: explicit[key] for key in wanted} == wanted
    assert json.loads(json.dumps(explicit)) == explicit


@pytest.mark.parametrize(
    "settings",
    [
        {"timestep_fs": -4.0},
        {"timestep_fs": 12.0},
        {"temperature_K": 0.0},
        {"temperature_K": float("nan")},
        {"hydrogen_mass_amu": 12.0},
        {"friction_per_ps": float("inf")},
    ],
)
def test_protocol_refuses_nonsense(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        ImplicitProtocol(**settings)


def test_explicit_protocol_refuses_impossible_boxes_and_names() -> None:
    with pytest.raises(InputError, match="switch_nm"):
        ExplicitProtocol(switch_nm=0.9)
    with pytest.raises(InputError, match="image"):
        ExplicitProtocol(padding_nm=0.5)
    with pytest.raises(InputError, match="implicit, explicit"):
        protocol_named("vacuum")


@pytest.mark.parametrize("smiles", [CHIRAL, "C/C=C\\CO", "C/C=C/CO", "C[C@@]1(CC)CO1"])
def test_start_conformers_are_diverse_and_keep_the_isomer(smiles: str) -> None:
    molecule = Molecule.from_smiles(smiles)
    starts = start_conformers(molecule, 3, seed=5)
    assert starts.shape == (3, molecule.n_atoms, 3)
    assert frame_stereo(molecule, starts).all()
    assert not frame_stereo(molecule, starts * [1, 1, -1]).any() or not len(molecule.triples)
    np.testing.assert_array_equal(starts, start_conformers(molecule, 3, seed=5))
    heavy = starts[:, : molecule.n_heavy]
    if smiles == CHIRAL:
        assert min(kabsch_rmsd(heavy[1:], heavy[0]).min(), kabsch_rmsd(heavy[2:], heavy[1]).min()) > 0.3


def test_double_bond_stereo_is_told_apart() -> None:
    cis, trans = Molecule.from_smiles("C/C=C\\CO"), Molecule.from_smiles("C/C=C/CO")
    assert not frame_stereo(cis, start_conformers(trans, 2)).any()
    assert not frame_stereo(trans, start_conformers(cis, 2)).any()


def test_a_molecule_without_3d_structure_is_an_error() -> None:
    impossible = Molecule.from_smiles("C1C[C@H]2C[C@H]1O2")  # bridgeheads that only a trans bridge could join
    with pytest.raises(GenerationError, match="no 3D structure"):
        start_conformers(impossible, 1)


def test_an_isomer_that_etkdg_would_try_for_hours_is_given_up(monkeypatch) -> None:
    endless = Molecule.from_smiles(
        "CO[C@@]12CC[C@@]3(C[C@@H]1[C@](C)(O)C(C)(C)C)[C@H]1Cc4ccc(O)c5c4[C@@]3(CCN1CC1CC1)[C@H]2O5"
    )
    monkeypatch.setattr("eginterpolator.simulation.starts.EMBED_SECONDS", 1)
    monkeypatch.setattr("eginterpolator.chemistry.etkdg.EMBED_SECONDS", 1)
    with pytest.raises(GenerationError, match="finds no 3D structure"):
        start_conformers(endless, 1)
    with pytest.raises(GenerationError, match="embeds only 0 of 2"):
        etkdg_conformers(endless, 2)


def test_rmsd_and_superposition_ignore_rigid_motion_but_not_mirror_images() -> None:
    points = np.random.default_rng(0).normal(size=(7, 3))
    moved = np.stack([points @ _rotation(k) + k for k in range(4)])
    np.testing.assert_allclose(kabsch_rmsd(moved, points), 0.0, atol=1e-6)
    assert kabsch_rmsd(points[None] * [1, 1, -1], points)[0] > 0.1
    centred = (moved[0] - moved[0].mean(axis=0)).astype(np.float32)
    np.testing.assert_allclose(superpose(moved, 7), np.broadcast_to(centred, moved.shape), atol=1e-5)
    distances = np.linalg.norm(superpose(moved * [1, 1, -1], 5)[1] - centred, axis=-1)
    assert distances.max() > 0.1


def test_a_stretched_or_missing_bond_is_found() -> None:
    molecule = Molecule.from_smiles("CCO")
    start = start_conformers(molecule, 1)[0]
    frames = np.repeat(start[None], 3, axis=0)
    assert len(broken_bonds(molecule, frames, start)) == 0
    for bad in (5.0, np.nan):
        broken = frames.copy()
        broken[1, 2] += bad
        assert [1, 2] in broken_bonds(molecule, broken, start).tolist()


@needs_md
def test_a_few_picoseconds_of_ethanol_are_sane_and_reproducible() -> None:
    from eginterpolator.simulation.engines.openmm import run_replica
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("CCO")
    start = start_conformers(molecule, 1)[0]
    system = build_system(molecule, start, SHORT)
    first, again, other = (run_replica(molecule, system, SHORT, ns=0.02, save_ps=0.1, seed=seed) for seed in (1, 1, 2))
    assert first.positions.shape == (200, 9, 3) and first.positions.dtype == np.float32
    assert first.frame_ps == pytest.approx(0.1) and first.platform == "Reference" and first.density_g_ml is None
    np.testing.assert_array_equal(first.positions, again.positions)
    assert np.abs(first.positions - other.positions).max() > 0.1
    bonds = np.linalg.norm(first.positions[:, [0, 1]] - first.positions[:, [1, 2]], axis=-1).mean(axis=0)
    np.testing.assert_allclose(bonds, [1.53, 1.43], atol=0.04)
    hydrogen = np.linalg.norm(first.positions[:, 2] - first.positions[:, 8], axis=-1)
    assert np.ptp(hydrogen) < 1e-3 and 0.9 < hydrogen.mean() < 1.05  # constrained
    # 20 ps of 20 degrees of freedom at 1/ps of friction: the mean of the two runs has a standard error of about 20 K
    assert abs(np.mean([first.temperature_K, other.temperature_K]) - 300.0) < 60.0
    assert np.isfinite(first.potential_kcal).all() and np.ptp(first.potential_kcal) > 1.0


@needs_md
def test_the_system_is_sage_with_nagl_charges_in_obc2() -> None:
    import openmm

    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("C[NH3+]")
    system = build_system(molecule, start_conformers(molecule, 1)[0], SHORT).system
    kinds = {type(force).__name__: force for force in system.getForces()}
    nonbonded, solvent = kinds["NonbondedForce"], kinds["GBSAOBCForce"]
    assert nonbonded.getNonbondedMethod() == openmm.NonbondedForce.NoCutoff
    charges = [nonbonded.getParticleParameters(k)[0]._value for k in range(molecule.n_atoms)]
    assert sum(charges) == pytest.approx(1.0, abs=1e-6)
    assert charges == [solvent.getParticleParameters(k)[0]._value for k in range(molecule.n_atoms)]
    assert system.getNumConstraints() == 6
    assert system.getParticleMass(molecule.n_atoms - 1)._value == pytest.approx(1.5)
    total = sum(system.getParticleMass(k)._value for k in range(molecule.n_atoms))
    assert total == pytest.approx(32.066, abs=0.01)  # repartitioned, not added


@needs_md
def test_a_run_that_blows_up_or_loses_its_stereo_fails_loudly() -> None:
    from eginterpolator.simulation.engines.base import SimulationError
    from eginterpolator.simulation.engines.openmm import run_replica
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles(CHIRAL)
    start = start_conformers(molecule, 1)[0]
    system = build_system(molecule, start, SHORT)
    with pytest.raises(SimulationError, match="stereo"):
        run_replica(molecule, replace(system, positions=start * [1, 1, -1]), SHORT, ns=0.001, save_ps=0.1)
    hot = ImplicitProtocol(temperature_K=30_000.0, equilibration_ps=0.0)
    with pytest.raises(SimulationError):
        run_replica(molecule, system, hot, ns=0.01, save_ps=0.1)


@needs_md
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ns": 0.0}, "positive"),
        ({"ns": float("nan")}, "positive"),
        ({"save_ps": 0.001}, "time step"),
        ({"ns": 0.0001, "save_ps": 10.0}, "no frame"),
        ({"replicas": 0}, "one replica"),
        ({"platform": "Abacus"}, "Abacus"),
    ],
)
def test_simulate_refuses_settings_that_make_no_run(settings: dict[str, object], message: str) -> None:
    from eginterpolator.simulation.api import simulate

    with pytest.raises(InputError, match=message):
        simulate("CCO", **{"replicas": 1, "ns": 0.01, **settings})  # type: ignore[arg-type]


@needs_md
def test_simulate_gives_superposed_replicas_that_differ() -> None:
    from eginterpolator.simulation.api import simulate

    first, second = simulate("CCCO", SHORT, replicas=2, ns=0.002, save_ps=0.1)
    assert first.n_frames == second.n_frames == 20 and first.frame_ps == pytest.approx(0.1)
    assert first.positions.shape == (20, 12, 3)
    assert np.abs(first.positions - second.positions).max() > 0.1
    np.testing.assert_allclose(first.positions[:, :4].mean(axis=1), 0.0, atol=1e-4)
    alone, _ = simulate("CCCO", SHORT, replicas=2, ns=0.002, save_ps=0.1)
    np.testing.assert_array_equal(first.positions, alone.positions)


@needs_md
def test_a_job_resumes_and_lists_its_failures(tmp_path, monkeypatch) -> None:
    from eginterpolator.files.folder import read_molecule_folder
    from eginterpolator.files.inputs import read_inputs
    from eginterpolator.simulation.engines.openmm import OPENMM, run_replica
    from eginterpolator.simulation.job import simulate_many

    table = tmp_path / "in.smi"
    table.write_text("CCO ethanol\nC[C@H](O)CC butanol\nthis_is_wrong bad\n[Fe] iron\n")
    molecules, failures = read_inputs(str(table))
    assert [failure.name for failure in failures] == ["bad"]
    out, settings = tmp_path / "out", {"replicas": 2, "ns": 0.002, "save_ps": 0.1}

    calls = []

    def interrupted(molecule, *args, **kwargs):
        calls.append(molecule.name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return run_replica(molecule, *args, **kwargs)

    monkeypatch.setattr(OPENMM, "run", interrupted, raising=True)
    with pytest.raises(KeyboardInterrupt):
        simulate_many(molecules, out, SHORT, failures=failures, **settings)
    assert (out / "ethanol").is_dir() and not (out / "butanol").exists()

    result = simulate_many(molecules, out, SHORT, failures=failures, **settings)
    assert calls == ["ethanol", "ethanol", "butanol", "butanol", "butanol"]  # only the lost replica again
    assert [row["resumed"] for row in result.rows] == [True, False] and result.done == ["butanol"]
    assert {failure.name for failure in result.failures} == {"bad", "iron"}
    assert (out / "failures.csv").read_text().count("\n") == 3
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]

    molecule, trajectories, meta = read_molecule_folder(out / "butanol")
    assert molecule.smiles == molecules[1].smiles and len(trajectories) == 2
    assert trajectories[0].n_frames == 20 and trajectories[0].frame_ps == pytest.approx(0.1)
    assert meta["protocol"]["name"] == "implicit" and meta["stereo_retention"] == 1.0
    energies = (out / "butanol" / "energies_001.csv").read_text().splitlines()
    assert len(energies) == 21 and energies[0].startswith("time_ps,potential_kcal")

    kept = [path.name for path in out.iterdir()]
    monkeypatch.setattr(shutil, "rmtree", lambda *args, **options: None)  # as if killed before the replicas are removed
    simulate_many(molecules[:1], out, SHORT, overwrite=True, **settings)
    monkeypatch.undo()
    assert [path.name for path in out.iterdir() if path.name.startswith(".ethanol.replicas")]
    assert simulate_many(molecules[:2], out, SHORT, **settings).skipped == ["ethanol", "butanol"]
    assert sorted(path.name for path in out.iterdir()) == sorted(kept)

    with pytest.raises(InputError, match="no run"):
        simulate_many(molecules, out, SHORT, **{**settings, "replicas": 0})
    with pytest.raises(InputError, match="another ns"):
        simulate_many(molecules[:1], out, SHORT, **{**settings, "ns": 0.003})


def test_qm9_isomers_come_from_the_geometry() -> None:
    from eginterpolator.data.readers.qm9 import qm9_record

    source = Molecule.from_smiles("C[C@H](O)CC")
    start = start_conformers(source, 1)[0]
    symbols = [atom.GetSymbol() for atom in source.rdmol.GetAtoms()]

    def row(positions: np.ndarray) -> dict[str, str]:
        return {
            "Index": "1", "SMILES": "CC(O)CC", "Elements": str(symbols), "XYZ_Ang": json.dumps(positions.tolist()),
        }  # fmt: skip

    assert qm9_record(row(start)).molecule.smiles == source.smiles
    assert qm9_record(row(start), mirror=True).molecule.smiles == Molecule.from_smiles("C[C@@H](O)CC").smiles
    shuffled = start.copy()
    shuffled[[0, 4]] = shuffled[[4, 0]]
    shuffled[[1, 3]] = shuffled[[3, 1]]
    with pytest.raises(InputError, match="bond longer"):
        qm9_record(row(shuffled))


def _angle_and_torsion_kj(system, positions: np.ndarray) -> float:
    import openmm

    for force in system.getForces():
        force.setForceGroup(int(isinstance(force, (openmm.HarmonicAngleForce, openmm.PeriodicTorsionForce))))
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform, {"Threads": "1"})
    context.setPositions(positions * 0.1)
    return context.getState(getEnergy=True, groups={1}).getPotentialEnergy()._value


@needs_md
@pytest.mark.slow
def test_explicit_water_has_its_density_and_the_same_solute() -> None:
    from eginterpolator.simulation.engines.openmm import run_replica
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("CC(=O)NCC[NH3+]")
    protocol = ExplicitProtocol(padding_nm=1.0, nvt_steps=500)
    start = start_conformers(molecule, 1)[0]
    system = build_system(molecule, start, protocol, seed=1)
    solute = [atom.element.atomic_number for atom in system.topology.atoms()][: molecule.n_atoms]
    assert solute == molecule.atomic_numbers.tolist()
    assert sorted(residue.name for residue in system.topology.residues()).count("CL") == 1  # neutralised
    vacuum = build_system(molecule, start, SHORT)
    in_water = _angle_and_torsion_kj(system.system, system.positions)
    assert in_water == pytest.approx(_angle_and_torsion_kj(vacuum.system, vacuum.positions), rel=1e-4)
    replica = run_replica(molecule, system, protocol, ns=0.006, save_ps=0.4, seed=1)
    assert replica.positions.shape == (15, molecule.n_atoms, 3) and replica.density_g_ml is not None
    assert 0.9 < replica.density_g_ml[-5:].mean() < 1.05
    assert abs(replica.temperature_K.mean() - 300.0) < 15.0
