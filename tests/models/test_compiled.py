"""Networks with kernels: what they learn and generate, and what happens without them."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from eginterpolator.errors import InputError
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.kernels import attention, library
from eginterpolator.machine.compilation import Library
from eginterpolator.models import compiled
from eginterpolator.models.compiled import use_kernels
from eginterpolator.models.registry import load_model
from eginterpolator.nn.structure_layer import PairMessages, Transition
from eginterpolator.nn.temporal_layer import TemporalAttention
from eginterpolator.training import run
from tests.builders.kernels import SMILES, distance, needs_kernels
from tests.builders.networks import CHIRAL, FRAME_PS, graphs, molecule, network

pytestmark = needs_kernels


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
    monkeypatch.setattr(library, "processor_features", lambda: frozenset({"avx2", "avx512f"}))
    assert not use_kernels(network("blockwise"))


def test_training_goes_on_without_kernels_that_cannot_be_made(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-compiler")
    library._loaded.cache_clear()
    config = run.TrainConfig("kernels", "out", {}, precision="bf16", compile=False)
    denoiser = network("structure")
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler 'no-compiler'.*goes on without kernels"):
        run.accelerate(denoiser, config)
    bad = tmp_path / "CXX"
    bad.write_text("#!/bin/sh\necho 'x.cpp:1: error: nothing works today' >&2\nexit 1\n")
    bad.chmod(0o755)
    monkeypatch.setenv("CXX", str(bad))
    with pytest.warns(UserWarning, match="nothing works today"):
        run.accelerate(denoiser, config)
    assert not list((tmp_path / "eginterpolator").iterdir()), "half a library stays behind"
    (tmp_path / "kernels.so").write_bytes(b"damaged")
    with monkeypatch.context() as patch, pytest.raises(InputError, match="delete it"):
        patch.setattr(Library, "kept", tmp_path / "kernels.so")
        library.library()
    monkeypatch.setattr(compiled, "library", lambda numbers: pytest.fail("kernels of fp32"))
    run.accelerate(denoiser, replace(config, precision="fp32"))
    library._loaded.cache_clear()


def test_generation_in_bf16_takes_them_and_says_so(monkeypatch):
    model = load_model("qm9-obc2")
    made = {}
    for kernels in (True, False):
        compiled.with_kernels.cache_clear()
        monkeypatch.setattr(compiled, "processor_fits", lambda numbers, kernels=kernels: kernels)
        config = GenerationConfig(n_frames=8, seed=3, precision="bf16", hydrogens=False)
        (made[kernels],) = generate_trajectories(model, molecule(CHIRAL), config)
    compiled.with_kernels.cache_clear()
    assert [made[each].meta["kernels"] for each in (True, False)] == [True, False]
    assert not any(part.kernel for part in model.denoiser.modules() if isinstance(part, PairMessages))
    difference = np.abs(made[True].positions - made[False].positions).max()
    assert 0 < difference < 0.05  # two ways of rounding to bf16


def test_generation_goes_on_without_a_compiler(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-compiler")
    library._loaded.cache_clear()
    with caplog.at_level("INFO"):
        assert compiled.with_kernels(network("structure", hidden=32, channels=16)) is None
    assert "no C++ compiler 'no-compiler'" in caplog.text
    library._loaded.cache_clear()


def test_compiled_layers_are_not_made_where_kernels_are_faster(egi):
    result = egi("models", "compile", "qm9-obc2", "--precision", "bf16")
    assert result.code == 0 and "nothing to compile" in result.err and not result.out
