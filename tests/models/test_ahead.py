"""Layers compiled ahead of time: what they compute, when they are taken, what is said where they cannot be."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from eginterpolator.chemistry.graph import featurize
from eginterpolator.data.batching import collate_graphs
from eginterpolator.errors import InputError
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.machine.cache import sealed
from eginterpolator.models import ahead
from eginterpolator.models.ahead import Settings, compile_layers, fast_denoiser, library_path
from eginterpolator.models.library import Library
from eginterpolator.models.registry import Model, load_model
from eginterpolator.nn.structure_layer import StructureLayer
from tests.builders.networks import CHIRAL, molecule, shake
from tests.builders.tiny_model import write_tiny_model

SETTINGS = Settings("fp32", 5.2)
needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler: install g++"
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> Model:
    """A model whose layers are in the cache, which no other test sees. Its libraries are three."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        fast_denoiser.cache_clear()
        model = load_model(write_tiny_model(tmp_path_factory.mktemp("models") / "even"))
        shake(model.denoiser.network)
        compile_layers(model, SETTINGS)
        yield model
    fast_denoiser.cache_clear()


def call(denoiser, smiles: tuple[str, ...], n_frames: int, strength: float, seed: int = 0) -> torch.Tensor:
    graph = collate_graphs([featurize(molecule(each)) for each in smiles])
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((len(smiles), n_frames, graph.mask.shape[1], 3), generator=generator)
    predicted = torch.ones(x.shape[:2], dtype=torch.bool)
    predicted[:, 0] = n_frames == 1
    sigma = torch.where(predicted, torch.full(x.shape[:2], 0.7), torch.zeros(()))
    with torch.no_grad():
        return denoiser(x, sigma, graph, predicted, 5.2, strength)


@needs_compiler
@pytest.mark.parametrize("strength", [0.0, 1.0])
@pytest.mark.parametrize(
    ("smiles", "n_frames"),
    [((CHIRAL,), 7), (("CCO", CHIRAL, "CC#N"), 3), (("CCCO",), 20), ((CHIRAL,), 1), (("C",), 4), (("CO",), 2)],
)
def test_libraries_are_their_layers(compiled, smiles, n_frames, strength):
    fast = fast_denoiser(compiled.denoiser, SETTINGS)
    assert fast is not None and not any(type(part) is StructureLayer for part in fast.network.structure.layers)
    assert fast.process is compiled.denoiser.process
    assert {id(each) for each in fast.parameters()} == {id(each) for each in compiled.denoiser.parameters()}
    wanted = call(compiled.denoiser, smiles, n_frames, strength)
    torch.testing.assert_close(call(fast, smiles, n_frames, strength), wanted, rtol=1e-4, atol=2e-5)
    assert wanted.abs().max() > 0.1


@needs_compiler
def test_threads_call_a_library_at_the_same_time(compiled):
    fast = fast_denoiser(compiled.denoiser, SETTINGS)
    alone = [call(fast, (CHIRAL,), 9, 1.0, seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: call(fast, (CHIRAL,), 9, 1.0, seed), range(8)))
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)


@needs_compiler
def test_generation_takes_them_and_says_so(compiled, monkeypatch, tmp_path):
    config = GenerationConfig(n_frames=6, n_samples=2, seed=3, precision="fp32", hydrogens=False)
    fast = generate_trajectories(compiled, molecule(CHIRAL), config)
    in_bf16 = generate_trajectories(compiled, molecule(CHIRAL), replace(config, precision="bf16"))
    fast_denoiser.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    slow = generate_trajectories(compiled, molecule(CHIRAL), config)
    fast_denoiser.cache_clear()
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-3)
    assert [each[0].meta["compiled"] for each in (fast, in_bf16, slow)] == [True, False, False]


@needs_compiler
def test_a_second_time_nothing_is_compiled(compiled, egi, monkeypatch, tmp_path):
    monkeypatch.setattr(ahead, "_compile", lambda *arguments: pytest.fail("compiled again"))
    result = egi("models", "compile", write_tiny_model(tmp_path / "even"), "--precision", "fp32")
    paths = [Path(line) for line in result.out.split()]
    assert result.code == 0 and len(paths) == 3 and all(path.is_file() for path in paths)


@needs_compiler
def test_what_computes_something_else_is_refused(compiled):
    layer = load_model_layer(compiled)
    path = library_path("structure", layer, SETTINGS)
    ahead._check("structure", layer, SETTINGS, path)
    layer.messages.radial.centres += 0.3
    with pytest.raises(InputError, match="something else"):
        ahead._check("structure", layer, SETTINGS, path)
    layer.messages.radial.centres -= 0.3


@needs_compiler
def test_damaged_libraries_are_named(compiled, tmp_path):
    path = library_path("temporal", compiled.denoiser.network.blocks[0].before, SETTINGS)
    with pytest.raises(InputError, match="another function"):
        Library(path, 3, 3, runners=1)
    content, other = path.read_bytes(), tmp_path / "other.so"
    for damaged in (content[:-5000], content[:5000] + bytes([content[5000] ^ 1]) + content[5001:], b"no library", b""):
        other.write_bytes(damaged)
        with pytest.raises(InputError, match=r"hash of the rest.*compile again"):
            Library(other, 3, 3, runners=1)
    other.write_bytes(sealed(b"no library"))
    with pytest.raises(InputError, match="compile again"):
        Library(other, 3, 3, runners=1)


def load_model_layer(model: Model) -> StructureLayer:
    return model.denoiser.network.structure.layers[0]


def test_a_library_is_known_by_what_it_depends_on(tiny, monkeypatch):
    layer = load_model_layer(tiny)
    known = {library_path("structure", layer, SETTINGS), library_path("stereo", layer, SETTINGS)}
    known |= {library_path("structure", layer, Settings(*each)) for each in (("bf16", 5.2), ("fp32", 1.0))}
    with torch.no_grad():
        layer.messages.message.weight += 1.0  # weights are inputs
    assert library_path("structure", layer, SETTINGS) in known and len(known) == 4
    layer.messages.radial.centres += 0.1
    known.add(library_path("structure", layer, SETTINGS))
    layer.messages.radial.centres -= 0.1
    for change in ({"processor": "another"}, {"processor": "a third"}):
        monkeypatch.setattr(ahead, "machine", lambda change=change: change)
        known.add(library_path("structure", layer, SETTINGS))
    assert len(known) == 7


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_without_libraries_the_layers_are_taken(tiny, monkeypatch):
    assert fast_denoiser(tiny.denoiser, SETTINGS) is None
    fast_denoiser.cache_clear()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(ahead.Path, "home", no_home)
    assert fast_denoiser(tiny.denoiser, SETTINGS) is None
    with pytest.raises(InputError, match="no home directory"):
        compile_layers(tiny, SETTINGS)


def test_a_cache_that_cannot_be_written_is_named(tiny, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("CXX", "python3")
    with pytest.raises(InputError, match="Cannot write .* set XDG_CACHE_HOME"):
        compile_layers(tiny, SETTINGS)


def test_without_a_compiler_nothing_is_compiled(tiny_folder, egi, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    result = egi("models", "compile", tiny_folder, "--precision", "fp32")
    assert result.code != 0 and "no-such-compiler" in result.err and "g++" in result.err


def test_a_network_without_such_layers_is_refused(tiny):
    model = Model("none", type(tiny.denoiser)(torch.nn.Linear(2, 2), tiny.process), json.loads("{}"))
    with pytest.raises(InputError, match="no layers that can be compiled"):
        compile_layers(model, SETTINGS)


def test_a_long_run_says_how_it_gets_shorter(egi, tiny_folder, monkeypatch):
    call = ("generate", "CCO", "--overwrite", "--precision", "fp32")
    quick = egi(*call)
    monkeypatch.setattr("eginterpolator.cli.generate.LONG_SECONDS", -1.0)
    hushed, told = egi(*call, "-q"), egi(*call)
    assert quick.code == hushed.code == told.code == 0
    assert f"egi models compile {tiny_folder} --precision fp32," in told.err
    assert "compile" not in quick.err + hushed.err
