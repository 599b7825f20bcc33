"""The kernels of training: values and gradients of the layers they stand for, and what happens without them."""

from __future__ import annotations

import copy
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.library import opcheck

from eginterpolator.errors import InputError
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.kernels import attention, library, messages, transition
from eginterpolator.models import compiled
from eginterpolator.models.compiled import use_kernels
from eginterpolator.models.registry import load_model
from eginterpolator.nn.structure_layer import Context, PairMessages, State, Transition, make_context
from eginterpolator.nn.temporal_layer import TemporalAttention
from eginterpolator.training import run
from tests.builders.networks import CHIRAL, FRAME_PS, graphs, molecule, network, shake

# Where there are no kernels there is nothing to compare: layers without them are tested for everybody in
# test_plain_layers.py, test_attention.py and test_training.py
pytestmark = pytest.mark.skipif(
    not library.processor_fits() or shutil.which(os.environ.get("CXX", "g++")) is None,
    reason="the kernels want a processor with AVX-512 BF16 and a C++ compiler",
)
SMILES = (CHIRAL, "CC(=O)NCC", "c1ccccc1C(=O)NCC")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Compiled once, where no user looks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        library.library.cache_clear()
        yield
    library.library.cache_clear()


def pairs(hidden: int, smiles: tuple[str, ...] = SMILES, n_frames: int = 5, hops: int = 4):
    """A layer, its context and random x, v, receiver and sender; molecules of several sizes in one batch."""
    generator = torch.Generator().manual_seed(hidden)
    batch = graphs(*smiles)
    shape = (*batch.mask.shape[:1], n_frames, batch.mask.shape[1])
    layer = PairMessages(hidden, 16, 24, 14.0)
    shake(layer)
    context = make_context(batch, torch.zeros((*shape[:2], hidden)), hops)
    sizes = ((3,), (3, 16), (hidden,), (hidden,))
    given = [torch.randn((*shape, *size), generator=generator, requires_grad=True) for size in sizes]
    return layer, context, given


def used(layer: PairMessages) -> list[Tensor]:
    return [layer.pair.weight, layer.message.weight, layer.message.bias, layer.gates.weight, layer.gates.bias]


def values_and_gradients(function, layer: PairMessages, given: list[Tensor], context: Context) -> list[Tensor]:
    out = [each.float() for each in function(layer, *given, context)]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(each.shape, generator=generator) for each in out]
    total = torch.stack([(each * weight).sum() for each, weight in zip(out, weights, strict=True)]).sum()
    return [*out, *torch.autograd.grad(total, [*given, *used(layer)])]


def distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().norm() / other.detach().norm())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("hidden", "n_frames", "hops"), [(32, 5, 4), (64, 1, 2), (128, 40, 4)])
def test_messages_are_as_near_to_fp32_as_layers_in_bf16(monkeypatch, hidden, n_frames, hops, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(library, "ATOMS_A_THREAD", 1)
    layer, context, given = pairs(hidden, n_frames=n_frames, hops=hops)
    exact = values_and_gradients(PairMessages.sums, layer, given, context)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = values_and_gradients(PairMessages.sums, layer, given, context)
    fast = values_and_gradients(messages.compute, layer, given, context)
    for ours, theirs, wanted in zip(fast, rounded, exact, strict=True):
        assert wanted.norm() > 0
        assert distance(ours, wanted) < 1.5 * distance(theirs, wanted) + 1e-6


def test_a_molecule_without_pairs_and_tiles_that_end_within_a_frame():
    layer, context, given = pairs(32, ("C", "CCCCCCCCCCCCCCCC"), n_frames=3, hops=8)
    pushed, carried, gathered = messages.compute(layer, *given, context)
    assert all((part[0] == 0).all() for part in (pushed, carried, gathered))
    assert distance(gathered, PairMessages.sums(layer, *given, context)[2]) < 0.01


def test_frozen_weights_have_no_gradients_and_nodes_the_same():
    layer, context, given = pairs(32)
    wanted = torch.autograd.grad(messages.compute(layer, *given, context)[2].square().sum(), given[2:])
    layer.requires_grad_(False)
    got = torch.autograd.grad(messages.compute(layer, *given, context)[2].square().sum(), given[2:])
    for one, other in zip(got, wanted, strict=True):
        assert torch.equal(one, other)


def frames(n_frames: int, hidden: int, heads: int, per_head: int = 3, spread: float = 1.0):
    """A layer, and random x, scalars, mixed vectors and biases of lags: x is far from zero, as coordinates are."""
    generator = torch.Generator().manual_seed(n_frames)
    torch.manual_seed(hidden)
    layer = TemporalAttention(hidden, 16, heads, per_head)
    widths = ((3,), (3 * hidden + heads * (1 + per_head),), (3, 3 * heads * per_head))
    x, scalars, mixed = (torch.randn((2, n_frames, 3, *each), generator=generator) for each in widths)
    given = [x + 5, (spread * scalars).bfloat16(), spread * mixed, layer.lag(n_frames, FRAME_PS).detach()]
    return layer, [each.requires_grad_() for each in given]


def averages_and_gradients(
    function, layer: TemporalAttention, given: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    out = function(layer, *given)
    generator = torch.Generator().manual_seed(1)
    upstream = [torch.randn(each.shape, generator=generator).bfloat16().to(each.dtype) for each in out]
    return list(out), list(torch.autograd.grad(list(out), given, upstream))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("n_frames", "hidden", "heads", "per_head"), [(13, 32, 4, 3), (70, 64, 8, 3), (300, 40, 2, 2), (129, 96, 3, 1)]
)
def test_attention_is_that_of_the_layers(monkeypatch, n_frames, hidden, heads, per_head, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(library, "ATOMS_A_THREAD", 1)
    layer, given = frames(n_frames, hidden, heads, per_head)
    wanted, slopes = averages_and_gradients(TemporalAttention.averages, layer, given)
    got, got_slopes = averages_and_gradients(attention.compute, layer, given)
    bounds = 6 * [0.006] + [0.01]  # weights and upstream gradients have 8 bits; those of lags are sums that cancel
    for one, other, bound in zip((*got, *got_slopes), (*wanted, *slopes), bounds, strict=True):
        assert other.norm() > 0
        assert distance(one.float(), other.float()) < bound


def test_one_frame_is_its_own_average():
    layer, given = frames(1, 40, 2)
    (scalars, moved, vectors), slopes = averages_and_gradients(attention.compute, layer, given)
    wanted, _ = averages_and_gradients(TemporalAttention.averages, layer, given)
    assert torch.equal(scalars, wanted[0].bfloat16())
    assert distance(vectors, wanted[2]) < 1e-4
    assert moved.abs().max() < 1e-3  # 16 bits of phi x
    assert slopes[3].abs().max() < 1e-3


def test_scores_far_above_that_of_the_frame_itself_overflow_nothing():
    layer, given = frames(70, 32, 4, spread=8.0)
    wanted, slopes = averages_and_gradients(TemporalAttention.averages, layer, given)
    got, got_slopes = averages_and_gradients(attention.compute, layer, given)
    q, k = (given[1].float()[..., at : at + 8] for at in (0, 32))
    own, all_pairs = (q * k).sum(dim=-1), torch.einsum("btnd,bsnd->btsn", q, k)
    assert ((all_pairs.amax(dim=2) - own) * 17**-0.5 > 100).any(), "no score is that far above"
    for one, other in zip((*got, *got_slopes[:3]), (*wanted, *slopes[:3]), strict=True):
        assert distance(one.float(), other.float()) < 0.02


def test_differences_of_averages_keep_their_digits():
    """x_t times the sum of weights less the average of x, as a layer moves atoms: shifting x changes nothing."""
    layer, (x, *rest) = frames(64, 32, 4)
    near, far = (attention.compute(layer, x + shift, *rest)[1].detach() for shift in (0.0, 20.0))
    assert (near - far).abs().max() < 3e-3 * rest[0].abs().max()  # 16 bits of 25; bf16 alone has 8


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("hidden", "n_frames"), [(32, 1), (64, 7), (128, 40)])
def test_transitions_are_as_near_to_fp32_as_layers_in_bf16(monkeypatch, hidden, n_frames, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(library, "ATOMS_A_THREAD", 1)
    layer, state = transition_of(hidden, n_frames)

    def change_and_gradients(function) -> list[Tensor]:
        out = function(layer, state)
        generator = torch.Generator().manual_seed(2)
        upstream = [torch.randn(each.shape, generator=generator).to(each.dtype) for each in out]
        changes = [new.detach() - old.detach() for new, old in zip(out, state, strict=True)]
        return [*changes, *torch.autograd.grad(list(out), [*state, *layer.parameters()], upstream)]

    exact = change_and_gradients(Transition.mixed)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = change_and_gradients(Transition.mixed)
    for ours, theirs, wanted in zip(change_and_gradients(transition.compute), rounded, exact, strict=True):
        assert wanted.norm() > 0
        assert distance(ours, wanted) < 1.5 * distance(theirs, wanted) + 1e-5


def transition_of(hidden: int, n_frames: int) -> tuple[Transition, State]:
    generator = torch.Generator().manual_seed(hidden)
    layer = Transition(hidden, 16)
    shake(layer)
    shapes = ((2, n_frames, 5, *size) for size in ((3,), (hidden,), (3, 16)))
    return layer, State(*(torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes))


def test_a_frozen_transition_passes_the_same_gradients():
    layer, state = transition_of(32, 3)
    wanted = torch.autograd.grad(transition.compute(layer, state).h.square().sum(), state[1:])
    layer.requires_grad_(False)
    got = torch.autograd.grad(transition.compute(layer, state).h.square().sum(), state[1:])
    for one, other in zip(got, wanted, strict=True):
        assert torch.equal(one, other)


def test_without_gradients_the_functions_behind_the_operators_serve(monkeypatch):
    temporal, numbers = frames(9, 32, 4)
    mixing, state = transition_of(32, 2)
    layer, context, given = pairs(32)
    calls = (
        lambda: attention.compute(temporal, *numbers),
        lambda: transition.compute(mixing, state),
        lambda: messages.compute(layer, *given, context),
    )
    by_operators = [call() for call in calls]
    for module, name in ((attention, "_averages"), (transition, "_transition"), (messages, "_sums")):
        monkeypatch.setattr(module, name, lambda *given: pytest.fail("an operator was called"))
    with torch.no_grad():
        for call, wanted in zip(calls, by_operators, strict=True):
            assert all(torch.equal(one, other) for one, other in zip(call(), wanted, strict=True))


@pytest.mark.parametrize("which", ["messages", "attention", "transition"])
def test_the_operators_keep_pytorchs_contract_so_that_they_compile(which):
    if which == "attention":
        layer, given = frames(9, 32, 4)
        opcheck(attention._averages, (*given, layer.width, layer.per_head))
    elif which == "transition":
        layer, state = transition_of(32, 2)
        last = (layer.mlp[2].weight, layer.mlp[2].bias)
        first = (layer.norm.weight, layer.norm.bias, layer.left.weight, layer.right.weight)
        opcheck(transition._transition, (*state, *first, layer.mlp[0].weight, layer.mlp[0].bias, *last))
    else:
        layer, context, given = pairs(32)
        mask = context.pairs[:, 0, :, :, 0]
        opcheck(messages._sums, (*given, *used(layer), context.graph.edges, mask, layer.radial.centres, 3.0))


@pytest.mark.parametrize("kind", ["structure", "blockwise"])
def test_a_network_learns_the_same_with_kernels(kind):
    structure = {"hidden": 32, "channels": 16, "layers": 2}
    plain = network(kind, **(structure if kind == "structure" else {"structure": structure, "heads": 4}))
    fast = copy.deepcopy(plain)
    assert use_kernels(fast)
    batch = graphs(*SMILES)
    x = 2 * torch.randn((3, 8, batch.mask.shape[1], 3), generator=torch.Generator().manual_seed(3))
    predicted = torch.ones(x.shape[:2], dtype=torch.bool)
    slopes = []
    for denoiser in (plain, fast):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = denoiser(x, torch.full(x.shape[:2], 0.6), batch, predicted, FRAME_PS)
        out.square().sum().backward()
        slopes.append(torch.cat([each.grad.flatten() for each in denoiser.parameters() if each.grad is not None]))
    assert slopes[0].shape == slopes[1].shape and distance(slopes[1], slopes[0]) < 0.05


def test_layers_of_other_sizes_and_other_processors_stay_as_they_are(monkeypatch):
    small = network("blockwise")
    assert use_kernels(small)  # attention takes every width
    assert not any(part.kernel for part in small.modules() if isinstance(part, (PairMessages, Transition)))
    assert not attention.fits(TemporalAttention(32, 16, 4, per_head=4))
    assert compiled.with_kernels(network("blockwise")) is None
    monkeypatch.setattr(library.torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    assert not use_kernels(network("blockwise"))


def test_other_devices_have_the_layers_themselves(monkeypatch):
    layer, context, given = pairs(32)
    there = [part.detach().to("meta") for part in given]
    elsewhere = context._replace(pairs=context.pairs.to("meta"), edges=context.edges.to("meta"))
    sums = messages.compute(layer.to("meta"), *there, elsewhere)
    assert [part.shape for part in sums] == [part.shape for part in given[:3]] and sums[0].is_meta
    # a device of its own has no autocast, which these two switch off
    monkeypatch.setattr(TemporalAttention, "averages", lambda *given: "averages")
    monkeypatch.setattr(Transition, "mixed", lambda *given: "state")
    temporal, numbers = frames(9, 32, 4)
    assert attention.compute(temporal, *(part.detach().to("meta") for part in numbers)) == "averages"
    mixing, state = transition_of(32, 2)
    assert transition.compute(mixing, State(*(part.detach().to("meta") for part in state))) == "state"


def test_training_goes_on_without_kernels_that_cannot_be_made(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-compiler")
    library.library.cache_clear()
    config = run.TrainConfig("kernels", "out", {}, precision="bf16", compile=False)
    denoiser = network("structure")
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler 'no-compiler'.*goes on without kernels"):
        run._accelerate(denoiser, config)
    bad = tmp_path / "CXX"
    bad.write_text("#!/bin/sh\necho 'x.cpp:1: error: nothing works today' >&2\nexit 1\n")
    bad.chmod(0o755)
    monkeypatch.setenv("CXX", str(bad))
    with pytest.warns(UserWarning, match="nothing works today"):
        run._accelerate(denoiser, config)
    assert not list((tmp_path / "eginterpolator").iterdir()), "half a library stays behind"
    library.library_path().write_bytes(b"damaged")
    with pytest.raises(InputError, match="delete it"):
        library.library()
    monkeypatch.setattr(compiled, "library", lambda: pytest.fail("kernels of fp32"))
    run._accelerate(denoiser, replace(config, precision="fp32"))
    library.library.cache_clear()


def test_molecules_of_one_batch_do_not_see_each_other():
    layer, context, given = pairs(32)
    together = messages.compute(layer, *given, context)
    _, alone_context, _ = pairs(32, SMILES[:1])
    n_atoms = molecule(SMILES[0]).n_heavy
    alone = messages.compute(layer, *(part[:1, :, :n_atoms] for part in given), alone_context)
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[:1, :, :n_atoms], other, rtol=1e-6, atol=1e-6)


def test_generation_in_bf16_takes_them_and_says_so(monkeypatch):
    model = load_model("qm9-obc2")
    made = {}
    for kernels in (True, False):
        compiled.with_kernels.cache_clear()
        monkeypatch.setattr(compiled, "processor_fits", lambda kernels=kernels: kernels)
        config = GenerationConfig(n_frames=8, seed=3, precision="bf16", hydrogens=False)
        (made[kernels],) = generate_trajectories(model, molecule(CHIRAL), config)
    compiled.with_kernels.cache_clear()
    assert [made[each].meta["kernels"] for each in (True, False)] == [True, False]
    assert not any(part.kernel for part in model.denoiser.modules() if isinstance(part, PairMessages))
    difference = np.abs(made[True].positions - made[False].positions).max()
    assert 0 < difference < 0.05  # two ways of rounding to bf16
    (exact,) = generate_trajectories(model, molecule(CHIRAL), replace(config, precision="fp32"))
    assert not exact.meta["kernels"]


def test_generation_goes_on_without_a_compiler(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-compiler")
    library.library.cache_clear()
    with caplog.at_level("INFO"):
        assert compiled.with_kernels(network("structure", hidden=32, channels=16)) is None
    assert "no C++ compiler 'no-compiler'" in caplog.text
    library.library.cache_clear()


def test_compiled_layers_are_not_made_where_kernels_are_faster(egi):
    result = egi("models", "compile", "qm9-obc2", "--precision", "bf16")
    assert result.code == 0 and "nothing to compile" in result.err and not result.out
