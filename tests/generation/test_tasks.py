"""Generation with random weights, and with a network that knows the answer: seeds, given frames, failures, facts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

import eginterpolator
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.diffusion.memory import NoiseMemory
from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation import sampling
from eginterpolator.generation.etkdg import etkdg_conformers
from eginterpolator.generation.sampling import Sampler, derive_seed
from eginterpolator.generation.tasks import (
    GenerationConfig,
    generate_conformers,
    generate_trajectories,
    make_sampler,
    network_calls,
    resolve_precision,
)
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.registry import Model, load_model
from tests.builders.networks import CHIRAL, INTERPOLATORS, WINDOW, geometry, molecule

SMALL = GenerationConfig(n_frames=6, n_samples=3, seed=4, precision="fp32")  # the same rounding on every machine
LONG = replace(SMALL, n_frames=2 * WINDOW + 3)


class Oracle(Denoiser):
    """Answers with the same frames, float32 [K, N, 3], for samples 0 to K - 1 of a batch, whatever the noise."""

    def __init__(self, frames: np.ndarray) -> None:
        super().__init__(torch.nn.Identity(), Preconditioned())
        self.frames = torch.nn.Parameter(torch.from_numpy(np.float32(frames)), requires_grad=False)

    def forward(self, x, sigma, graph, predicted, frame_ps, strength=1.0):
        frames = self.frames.repeat(-(-len(x) // len(self.frames)), 1, 1)[: len(x), None]
        return torch.where(predicted[..., None, None], frames.expand_as(x), x)


def oracle(smiles: str, *signs: float) -> Model:
    heavy = geometry(smiles)[: molecule(smiles).n_heavy]
    return Model("oracle", Oracle(np.stack([sign * heavy for sign in signs or (1.0,)])), {"frame_ps": 5.2})


def positions(model: Model, config: GenerationConfig, smiles: str = CHIRAL, **ends) -> list[np.ndarray]:
    return [t.positions for t in generate_trajectories(model, molecule(smiles), config, **ends)]


def moved(smiles: str, seed: int, noise: float = 0.1) -> np.ndarray:
    """All atoms somewhere in space, float32."""
    random = np.random.default_rng(seed)
    shape = geometry(smiles) + noise * random.standard_normal(geometry(smiles).shape)
    return np.float32(shape @ Rotation.random(random_state=seed).as_matrix().T + 20 * random.standard_normal(3))


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


def test_molecules_and_blocks_have_seeds_of_their_own():
    base = (1, molecule(CHIRAL), 0, 0, 0)
    changed = [(2, *base[1:]), (1, molecule("CCO"), 0, 0, 0), (*base[:2], 1, 0, 0), (*base[:3], 1, 0), (*base[:4], 1)]
    seeds = {derive_seed(*arguments) for arguments in [base, *changed]}
    assert len(seeds) == 6 and all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(1, Molecule.from_smiles("CCO"), 0, 0, 0) == 6607496170953703936  # on every machine


@pytest.mark.parametrize("kind", INTERPOLATORS)
@pytest.mark.parametrize("task", ["unconditional", "forward"])
def test_strength_zero_is_the_structure_model_bit_for_bit(tiny_folders, kind, task):
    model = load_model(tiny_folders[kind])
    structure = Model("structure", model.denoiser.structure.eval(), model.config)
    ends = {"start": Endpoint.of(moved(CHIRAL, 1), molecule(CHIRAL))} if task == "forward" else {}
    config = replace(LONG, task=task)
    none, inside, full = (
        positions(m, replace(config, strength=strength), **ends)
        for m, strength in ((model, 0.0), (structure, 1.0), (model, 1.0))
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


def test_each_block_goes_on_from_the_last_frame(tiny, monkeypatch):
    calls = []
    draw = Sampler.draw

    def recorded(self, samples, n_frames, given, block=0, progress=lambda calls: None):
        result = draw(self, samples, n_frames, given, block, progress)
        calls.append((n_frames, block, given, result))
        return result

    monkeypatch.setattr(Sampler, "draw", recorded)
    long = positions(tiny, LONG)
    assert [(n, block) for n, block, _, _ in calls] == [(WINDOW, 0), (WINDOW, 1), (5, 2)]
    for (_, _, _, before), (_, _, given, after) in zip(calls, calls[1:], strict=False):
        for k in range(3):
            np.testing.assert_array_equal(given[k].first, before[k, -1])
            np.testing.assert_array_equal(after[k, 0], before[k, -1])
    assert all(len(x) == LONG.n_frames for x in long)
    short = positions(tiny, replace(LONG, n_frames=WINDOW))
    for one, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, other[:WINDOW])


def test_noise_with_a_memory_draws_all_frames_together_through_shifted_windows(tiny, monkeypatch):
    seen = []
    forward = type(tiny.denoiser).forward

    def recorded(self, x, *arguments):
        seen.extend([x.shape[1]] * x.shape[0])
        return forward(self, x, *arguments)

    monkeypatch.setattr(type(tiny.denoiser), "forward", recorded)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    n_frames = 2 * WINDOW + 3
    config = replace(LONG, n_frames=n_frames, n_samples=1)
    made = positions(tiny, config)
    assert made[0].shape[0] == n_frames and np.isfinite(made[0]).all()
    half = WINDOW // 2
    even, odd = [WINDOW, WINDOW, 3], [WINDOW - half, WINDOW, 3 + half]
    passes = network_calls(tiny, config)
    assert passes > 2 and seen == ([*even, *odd] * passes)[: 3 * passes]


def test_windows_go_through_the_network_together_and_do_not_see_each_other(tiny, monkeypatch):
    calls = []
    forward = type(tiny.denoiser).forward

    def recorded(self, x, *arguments):
        calls.append(x.shape[:2])
        return forward(self, x, *arguments)

    monkeypatch.setattr(type(tiny.denoiser), "forward", recorded)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    made = {}
    for budget in (1, 10**6):
        monkeypatch.setattr(sampling, "PAIR_BUDGET", {"cpu": budget})
        made[budget] = positions(tiny, replace(LONG, n_frames=3 * WINDOW, n_samples=2, batch=2))
        largest = max(count for count, _ in calls)
        assert largest == (2 if budget == 1 else 6)
        calls.clear()
    for one, other in zip(*made.values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_at_strength_0_the_noise_has_no_memory(tiny, monkeypatch):
    config = replace(SMALL, strength=0.0)
    white = positions(tiny, config)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    for one, other in zip(white, positions(tiny, config), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(positions(tiny, SMALL)[0], white[0])


@pytest.mark.parametrize("task", ["unconditional", "interpolation"])
def test_noise_with_a_memory_shuffles_frames_within_wells(tiny, monkeypatch, task):
    ends = {}
    if task == "interpolation":
        ends = {name: Endpoint.of(moved(CHIRAL, seed), molecule(CHIRAL)) for name, seed in (("start", 3), ("end", 4))}
    config = replace(SMALL, task=task, n_frames=12, hydrogens=False)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    shuffled = positions(tiny, config, **ends)
    monkeypatch.setattr("eginterpolator.generation.sampling.shuffled_within_wells", lambda x, *_: np.arange(len(x)))
    plain = positions(tiny, config, **ends)

    def shapes(frames: np.ndarray) -> list[tuple[float, ...]]:
        return [tuple(pdist(frame).round(2)) for frame in frames]

    for one, other in zip(shuffled, plain, strict=True):
        assert shapes(one) != shapes(other) and sorted(shapes(one)) == sorted(shapes(other))
        for end in (0, -1) if ends else ():
            np.testing.assert_array_equal(one[end], other[end])


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


def fail_draws(model: Model, monkeypatch, bad: float, which: list[tuple[int, int]]) -> list[int]:
    """Spoil one coordinate of (draw, row of its batch); returns a list that fills with the size of each draw."""
    draw, forward, sizes = Sampler._draw, model.denoiser.forward, []

    def counted(self, seeds, *arguments):
        sizes.append(len(seeds))
        return draw(self, seeds, *arguments)

    def spoiled(x, *arguments):
        result = forward(x, *arguments)
        for number, row in which:
            if number == len(sizes) - 1:
                result[row, -1, 0, 0] = bad
        return result

    monkeypatch.setattr(Sampler, "_draw", counted)
    monkeypatch.setattr(model.denoiser, "forward", spoiled)
    return sizes


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_sample_that_is_not_finite_is_drawn_again_with_another_seed(tiny, monkeypatch, bad, caplog):
    right = positions(tiny, SMALL)
    sizes = fail_draws(tiny, monkeypatch, bad, [(0, 1)])
    made = positions(tiny, SMALL)
    assert sizes == [3, 1] and "samples [1] are not finite" in caplog.text
    assert all(np.isfinite(x).all() and np.abs(x).max() > 0 for x in made)
    assert made[0].tobytes() == right[0].tobytes() and made[2].tobytes() == right[2].tobytes()
    assert np.abs(made[1] - right[1]).max() > 1e-2


def test_a_sample_that_stays_non_finite_is_a_failure(tiny, monkeypatch):
    sizes = fail_draws(tiny, monkeypatch, float("nan"), [(0, 1), (1, 0), (2, 0)])
    with pytest.raises(GenerationError, match="Sample 1 of 'molecule' has coordinates that are not finite after 3"):
        positions(tiny, SMALL)
    assert sizes == [3, 1, 1]


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


def test_the_python_functions(tiny, tiny_folder):
    one = eginterpolator.generate("CCO", n_frames=4, seed=2, model=tiny)
    assert isinstance(one, Trajectory) and one.positions.shape == (4, 9, 3) and one.frame_ps == 5.2
    for same in ("CCO", Chem.MolFromSmiles("CCO"), Molecule.from_smiles("CCO")):
        samples = eginterpolator.generate_samples(same, 2, 4, 2, tiny_folder, batch=1)
        np.testing.assert_allclose(samples[0].positions, one.positions, atol=1e-4)
    start, end = moved("CCO", 1), moved("CCO", 2)
    (forward,) = eginterpolator.generate_samples("CCO", 1, 4, 2, tiny, start=start)
    (between,) = eginterpolator.generate_samples("CCO", 1, 4, 2, tiny, start=start[:3], end=end)
    np.testing.assert_array_equal(forward.positions[0], start)
    np.testing.assert_array_equal(between.positions[0, :3], start[:3])
    np.testing.assert_array_equal(between.positions[-1], end)
    assert (forward.meta["task"], between.meta["task"]) == ("forward", "interpolation")
    ensemble = eginterpolator.conformers("CCO", 3, model=tiny, hydrogens=False)
    assert ensemble.positions.shape == (3, 3, 3)
    with pytest.raises(InputError, match="needs a start frame"):
        eginterpolator.generate_samples("CCO", 1, model=tiny, end=end)
    with pytest.raises(InputError, match="--force"):
        eginterpolator.generate("CCCl", model=tiny)
    assert np.isfinite(eginterpolator.generate("CCCl", 4, model=tiny, force=True).positions).all()


def test_etkdg_keeps_the_isomer_and_says_where_it_cannot():
    ensemble = etkdg_conformers(molecule(CHIRAL), 4, seed=1, refine=True)
    assert ensemble.positions.shape == (4, molecule(CHIRAL).n_atoms, 3) and np.isfinite(ensemble.energies_kcal).all()
    mol = ensemble.to_rdkit()
    for k in range(4):
        Chem.AssignStereochemistryFrom3D(mol, k, replaceExistingTags=True)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == molecule(CHIRAL).smiles
    assert (
        ensemble.positions.tobytes() == etkdg_conformers(molecule(CHIRAL), 4, seed=1, refine=True).positions.tobytes()
    )
    with pytest.raises(GenerationError, match="only 0 of 2"):
        etkdg_conformers(Molecule.from_smiles("C1C[C@H]2CC[C@H]1C2"), 2)
