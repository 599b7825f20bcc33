"""Tasks of one molecule: seeds, batches, given frames, facts, and settings that are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from eginterpolator.errors import InputError
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.generation.tasks import (
    GenerationConfig,
    generate_conformers,
    generate_trajectories,
    make_sampler,
    network_calls,
    resolve_precision,
)
from eginterpolator.models.registry import Model, load_model
from tests.builders.generation import LONG, SMALL, moved, oracle, positions
from tests.builders.networks import CHIRAL, INTERPOLATORS, WINDOW, geometry, molecule


@pytest.mark.parametrize("config", [SMALL, LONG])
def test_a_seed_gives_its_bytes_again_and_another_seed_does_not(tiny, config):
    first, again = positions(tiny, config), positions(tiny, config)
    assert [x.tobytes() for x in first] == [x.tobytes() for x in again]
    assert len({x.tobytes() for x in first + positions(tiny, replace(config, seed=5))}) == 6
    assert all(x.shape == (config.n_frames, molecule(CHIRAL).n_atoms, 3) and x.dtype == np.float32 for x in first)


@pytest.mark.parametrize("config", [SMALL, LONG])
def test_the_batch_size_changes_nothing(tiny, config):
    together = positions(tiny, replace(config, batch=3))
    for batch in (1, 2):
        for one, other in zip(positions(tiny, replace(config, batch=batch)), together, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_sample_does_not_depend_on_how_many_there_are(tiny):
    five = positions(tiny, replace(SMALL, n_samples=5, batch=1))
    two = positions(tiny, replace(SMALL, n_samples=2, batch=1))
    assert [x.tobytes() for x in two] == [x.tobytes() for x in five[:2]]
    for one, other in zip(positions(tiny, replace(SMALL, n_samples=2)), five, strict=False):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("kind", INTERPOLATORS)
def test_strength_zero_is_the_structure_model_bit_for_bit(tiny_folders, kind):
    model = load_model(tiny_folders[kind])
    structure = Model("structure", model.denoiser.structure.eval(), model.config)
    none, inside, full = (
        positions(m, replace(LONG, strength=strength)) for m, strength in ((model, 0.0), (structure, 1.0), (model, 1.0))
    )
    assert [x.tobytes() for x in none] == [x.tobytes() for x in inside]
    assert all(np.abs(x - y).max() > 1e-3 for x, y in zip(none, full, strict=True))


@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("given_hydrogens", [True, False])
@pytest.mark.parametrize("config", [SMALL, LONG])
def test_forward_starts_from_the_given_frame(tiny, config, hydrogens, given_hydrogens):
    n = molecule(CHIRAL).n_heavy
    frame = moved(CHIRAL, 2)
    start = Endpoint.of(frame if given_hydrogens else frame[:n], molecule(CHIRAL))
    made = positions(tiny, replace(config, task="forward", hydrogens=hydrogens), start=start)
    kept = molecule(CHIRAL).n_atoms if hydrogens and given_hydrogens else n
    for x in made:
        np.testing.assert_array_equal(x[0, :kept], frame[:kept])
        assert np.isfinite(x).all() and np.abs(x[:, :n].mean(axis=1) - frame[:n].mean(axis=0)).max() < 1e-3
        assert len(np.unique(x.round(4), axis=0)) == config.n_frames


@pytest.mark.parametrize("smiles", [CHIRAL, "C", "CO", "CC#N"])
def test_interpolation_begins_and_ends_with_the_given_frames(tiny, smiles, recwarn):
    start, end = (Endpoint.of(moved(smiles, seed), molecule(smiles)) for seed in (3, 4))
    config = replace(SMALL, task="interpolation", n_frames=WINDOW)
    for x in positions(tiny, config, smiles, start=start, end=end):
        np.testing.assert_array_equal(x[0], start.positions)
        np.testing.assert_array_equal(x[-1], end.positions)
        assert np.isfinite(x).all() and len(np.unique(x.round(4), axis=0)) == WINDOW
    assert not list(recwarn)


def test_where_the_end_lies_in_space_changes_nothing_inside_the_molecule(tiny):
    n = molecule(CHIRAL).n_heavy
    start, end = moved(CHIRAL, 3), moved(CHIRAL, 4)
    elsewhere = np.float32(end @ Rotation.random(random_state=9).as_matrix().T + 7.0)
    config = replace(SMALL, task="interpolation")
    ends = [Endpoint.of(x, molecule(CHIRAL)) for x in (start, end, elsewhere)]
    here = positions(tiny, config, start=ends[0], end=ends[1])
    there = positions(tiny, config, start=ends[0], end=ends[2])
    for x, y in zip(here, there, strict=True):
        for one, other in zip(x[:, :n], y[:, :n], strict=True):
            np.testing.assert_allclose(pdist(one), pdist(other), atol=2e-3)
        middle = y[:, :n].mean(axis=1)
        np.testing.assert_allclose(middle, np.linspace(middle[0], middle[-1], len(middle)), atol=1e-3)


def test_the_way_from_start_to_end_is_one_even_motion():
    start = np.float32(geometry(CHIRAL))
    end = np.float32(start @ Rotation.from_euler("z", 150, degrees=True).as_matrix().T + 5.0)
    ends = {name: Endpoint.of(x, molecule(CHIRAL)) for name, x in (("start", start), ("end", end))}
    x = positions(oracle(CHIRAL), replace(SMALL, task="interpolation", n_samples=1), **ends)[0][:, :9]
    for k, frame in enumerate(x):
        turned = Rotation.from_euler("z", 30 * k, degrees=True).apply(start[:9]) + k
        np.testing.assert_allclose(frame, turned, atol=1e-3)


def test_the_frames_that_come_out_are_those_of_the_network():
    model = oracle(CHIRAL)
    for x in positions(model, SMALL):
        for frame in x:
            np.testing.assert_allclose(pdist(frame[:9]), pdist(geometry(CHIRAL)[:9]), atol=1e-4)
            np.testing.assert_allclose(frame[:9], x[0, :9], atol=1e-4)  # superposed


@pytest.mark.parametrize("smiles", [CHIRAL, "C/C=C\\[C@@H](N)C#N", "C[C@]1(O)CO[C@H]1F"])
def test_hydrogens_and_facts_of_right_frames(smiles):
    (trajectory, *_) = generate_trajectories(oracle(smiles), molecule(smiles), SMALL)
    meta = trajectory.meta
    assert (meta["stereo_retention"], meta["valid"]) == (1.0, 1.0)
    mol = trajectory.to_rdkit()
    for k in range(trajectory.n_frames):
        Chem.AssignStereochemistryFrom3D(mol, k, replaceExistingTags=True)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == molecule(smiles).smiles
    facts = {
        "smiles": molecule(smiles).smiles, "frame_ps": 5.2, "n_frames": 6, "seed": 4, "sample": 0, "model": "oracle",
        "task": "unconditional", "strength": 1.0, "sampler": "sde", "steps": 40, "precision": "fp32", "device": "cpu",
    }  # fmt: skip
    assert {key: meta[key] for key in facts} == facts and meta["seconds"] > 0


@pytest.mark.parametrize(("has", "wanted"), [("avx512_bf16", "bf16"), ("amx_bf16", "bf16"), ("avx512_f", "fp32")])
def test_the_precision_is_what_the_processor_multiplies(monkeypatch, has, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {has: True})
    cpu = torch.device("cpu")
    assert resolve_precision("auto", cpu) == wanted
    assert [resolve_precision(asked, cpu) for asked in ("fp32", "bf16")] == ["fp32", "bf16"]


def test_facts_of_wrong_frames():
    mirrored, other = generate_trajectories(oracle(CHIRAL, -1.0, 2.0), molecule(CHIRAL), replace(SMALL, n_samples=2))
    assert mirrored.meta["stereo_retention"] == 0.0 and mirrored.meta["valid"] == 1.0
    assert other.meta["stereo_retention"] == 1.0 and other.meta["valid"] == 0.0  # twice as large


def test_conformers_are_the_structure_model(tiny):
    config = GenerationConfig(n_frames=1, seed=4, strength=1.0)
    ensemble = generate_conformers(tiny, molecule(CHIRAL), 5, config)
    structure = Model("structure", tiny.denoiser.structure.eval(), tiny.config)
    single = positions(structure, replace(config, n_samples=5))
    assert ensemble.positions.tobytes() == np.concatenate(single).tobytes() and len(ensemble) == 5
    assert (ensemble.meta["task"], ensemble.meta["n_frames"], ensemble.meta["strength"]) == ("conformers", 5, 0.0)


def test_facts_of_conformers_are_those_of_all():
    ensemble = generate_conformers(oracle(CHIRAL, 1.0, -1.0, 1.0, 1.0), molecule(CHIRAL), 4, GenerationConfig())
    assert ensemble.meta["stereo_retention"] == 0.75 and ensemble.meta["valid"] == 1.0


@pytest.mark.parametrize("sampler", [None, "ddim", "ancestral", "heun", "stochastic", "sde"])
@pytest.mark.parametrize("n_frames", [1, WINDOW, WINDOW + 1, 2 * WINDOW - 1, 2 * WINDOW])
def test_progress_adds_up(tiny, sampler, n_frames):
    config = replace(SMALL, sampler=sampler, n_frames=n_frames, steps=2, hydrogens=False)
    calls: list[int] = []
    made = generate_trajectories(tiny, molecule("CO"), config, progress=calls.append)
    assert sum(calls) == network_calls(tiny, config)
    assert all(np.isfinite(t.positions).all() and t.n_frames == n_frames for t in made)


def test_the_models_own_sampler_is_the_default(tiny):
    config = make_sampler(tiny, molecule("CO"), SMALL).config
    assert (config.name, config.steps, config.options) == ("stochastic", 3, (("churn", 1.0),))
    config = make_sampler(tiny, molecule("CO"), replace(SMALL, sampler="ddim", steps=9)).config
    assert (config.name, config.steps, config.options) == ("ddim", 9, ())


def test_bf16_is_close_and_says_so(tiny):
    config = replace(SMALL, precision="bf16", n_samples=1)
    (trajectory,) = generate_trajectories(tiny, molecule("CCO"), config)
    assert trajectory.meta["precision"] == "bf16" and np.isfinite(trajectory.positions).all()
    assert trajectory.positions.tobytes() != positions(tiny, replace(config, precision="fp32"), "CCO")[0].tobytes()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "backward"}, "not a task"),
        ({"n_frames": 0}, "--frames is 0"),
        ({"task": "forward", "n_frames": 1}, "needs at least 2"),
        ({"task": "interpolation", "n_frames": 2}, "needs at least 3"),
        ({"n_samples": 0}, "--samples is 0"),
        ({"strength": 1.5}, "--strength is 1.5"),
        ({"strength": float("nan")}, "--strength is nan"),
        ({"steps": 1}, "--steps is 1"),
        ({"sampler": "euler"}, "not a sampler; use one of ddim"),
        ({"batch": 0}, "--batch is 0"),
        ({"device": "tpu"}, "not a device"),
        ({"precision": "fp8"}, "not a precision"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        GenerationConfig(**settings)


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="sees no GPU"):
        GenerationConfig(device="cuda")


def test_a_task_needs_its_frames(tiny):
    frame = Endpoint.of(moved("CO", 1), molecule("CO"))
    for config, ends, message in (
        (SMALL, {"start": frame}, "needs neither --start nor --end"),
        (replace(SMALL, task="forward"), {}, "needs --start and no --end"),
        (replace(SMALL, task="interpolation"), {"start": frame}, "needs both --start and --end"),
        (replace(LONG, task="interpolation"), {"start": frame, "end": frame}, f"limited to {WINDOW} frames"),
    ):
        with pytest.raises(InputError, match=message):
            positions(tiny, config, "CO", **ends)
    for bad in (geometry("CO")[:1], geometry("CO") * np.nan, geometry("CO")[None]):
        with pytest.raises(InputError, match="finite and of shape"):
            Endpoint.of(bad, molecule("CO"))


def test_a_model_of_structures_only_makes_independent_frames(structures_folder):
    model = load_model(structures_folder)
    config = replace(SMALL, n_frames=WINDOW, n_samples=1)
    (asked,), (zero,) = (
        generate_trajectories(model, molecule(CHIRAL), replace(config, strength=s)) for s in (1.0, 0.0)
    )
    assert asked.meta["strength"] == 0.0 and np.array_equal(asked.positions, zero.positions)
    assert (asked.meta["ensemble"], asked.meta["temperature_K"]) == ("obc2", 300.0)
    forward = replace(config, task="forward")
    with pytest.raises(InputError, match="'tiny-structures' is of structures only, so it goes on from no given frame"):
        generate_trajectories(model, molecule(CHIRAL), forward, Endpoint.of(asked.positions[0], molecule(CHIRAL)))


def test_a_temperature_and_a_solvent_change_what_is_made(structures_folder):
    model = load_model(structures_folder)
    config = replace(SMALL, n_frames=2, n_samples=1)
    asked = (config, replace(config, temperature_K=400.0), replace(config, ensemble="vacuum"))
    made = [generate_trajectories(model, molecule(CHIRAL), each)[0].positions for each in asked]
    assert not np.allclose(made[0], made[1]) and not np.allclose(made[0], made[2])
