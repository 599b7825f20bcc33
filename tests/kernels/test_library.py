"""Kernels as PyTorch's operators: the contract, no gradients, other devices."""

from __future__ import annotations

import pytest
import torch
from torch.library import opcheck

from eginterpolator.errors import InputError
from eginterpolator.kernels import attention, library, messages, transition
from eginterpolator.nn.structure_layer import State, Transition
from eginterpolator.nn.temporal_layer import TemporalAttention
from tests.builders.kernels import frames, needs_kernels, pairs, transition_of, used

pytestmark = needs_kernels


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
        opcheck(attention._averages, (*given, layer.width, layer.per_head, "bf16"))
    elif which == "transition":
        layer, state = transition_of(32, 2)
        last = (layer.mlp[2].weight, layer.mlp[2].bias)
        first = (layer.norm.weight, layer.norm.bias, layer.left.weight, layer.right.weight)
        opcheck(transition._transition, (*state, *first, layer.mlp[0].weight, layer.mlp[0].bias, *last, "bf16"))
    else:
        layer, context, given = pairs(32)
        mask = context.pairs[:, 0, :, :, 0]
        opcheck(messages._sums, (*given, *used(layer), context.graph.edges, mask, layer.radial.centres, 3.0, "bf16"))


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


X86 = {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16"}


@pytest.mark.parametrize(
    ("machine", "features", "system", "kinds"),
    [
        ("x86_64", X86, "linux", ["avx512_bf16", "avx512", "avx2"]),
        ("x86_64", X86, "darwin", ["avx512", "avx2"]),
        ("x86_64", X86 - {"avx512_bf16", "avx512vl"}, "linux", ["avx2"]),
        ("x86_64", {"sse4_2"}, "linux", []),
        ("arm64", set(), "darwin", ["neon"]),
        ("aarch64", set(), "linux", ["neon"]),
    ],
)
def test_kernels_are_those_of_the_processor_or_the_ones_asked_for(monkeypatch, machine, features, system, kinds):
    monkeypatch.delenv(library.CHOICE, raising=False)
    monkeypatch.setattr(library.platform, "machine", lambda: machine)
    monkeypatch.setattr(library.sys, "platform", system)
    monkeypatch.setattr(library, "processor_features", lambda: frozenset(features))
    assert library.kinds() == kinds
    assert library.processor_fits("bf16") == ("avx512_bf16" in kinds)
    assert library.kind_for("fp32") == next((name for name in kinds if name != "avx512_bf16"), None)
    monkeypatch.setenv(library.CHOICE, "none")
    assert library.kinds() == []
    with pytest.raises(InputError, match="no kernels of fp32"):
        library.library("fp32")
    monkeypatch.setenv(library.CHOICE, "avx2")
    if "avx2" in kinds:
        assert library.kinds() == ["avx2"] and not library.processor_fits("bf16")
    else:
        with pytest.raises(InputError, match="not for this processor"):
            library.kinds()
