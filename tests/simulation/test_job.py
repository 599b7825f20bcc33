"""Simulations of many molecules: resume, failures, nothing left behind."""

from __future__ import annotations

import shutil

import pytest

from eginterpolator.errors import InputError
from tests.builders.simulation import SHORT, needs_md


@needs_md
def test_a_job_resumes_and_lists_its_failures(tmp_path, monkeypatch) -> None:
    from eginterpolator.files.folder import read_molecule_folder
    from eginterpolator.files.inputs import read_inputs
    from eginterpolator.simulation.engines import openmm
    from eginterpolator.simulation.job import simulate_many

    table = tmp_path / "in.smi"
    table.write_text("CCO ethanol\nC[C@H](O)CC butanol\nthis_is_wrong bad\n[Fe] iron\n")
    molecules, failures = read_inputs(str(table))
    assert [failure.name for failure in failures] == ["bad"]
    out, settings = tmp_path / "out", {"replicas": 2, "ns": 0.002, "save_ps": 0.1, "engine": "openmm"}

    calls, run_replica = [], openmm.run_replica

    def interrupted(molecule, *args, **kwargs):
        calls.append(molecule.name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return run_replica(molecule, *args, **kwargs)

    monkeypatch.setattr(openmm, "run_replica", interrupted)
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
