"""Layers compiled ahead of time for sampling on a processor, by PyTorch's AOTInductor: once for each machine.

`compile_layers` exports every kind of layer of a network as a function of its weights and of any number of samples,
frames, atoms and stereo triples, and keeps the libraries in a folder of the user's cache. `fast_denoiser` puts them in
place of the layers. PyTorch's compiler takes no part where they are used.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import EDGE_TYPES
from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path
from eginterpolator.machine.cache import cache_folder, compiler, make_cache_folder, sealed
from eginterpolator.machine.provenance import machine
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.library import Library
from eginterpolator.models.registry import Model
from eginterpolator.nn import attention, embeddings, structure_layer, temporal_layer
from eginterpolator.nn.structure_layer import Context, State, Stereo, StructureLayer
from eginterpolator.nn.temporal_layer import TemporalLayer

SOURCES = (attention, embeddings, structure_layer, temporal_layer)
"""What is compiled: a change in one of them, or here, makes other libraries."""
LEAST = {"b": 1, "t": 1, "n": 2, "s": 1}
"""Samples, frames, atoms and stereo triples that a library takes; a lone atom goes through the layers themselves."""
MOST = 1 << 20
OPTIONS = {"cpp.threads": 1, "aot_inductor.compile_wrapper_opt_level": "O0"}
"""Of the compiler. Samples are shared among the cores, not operations; and what calls the loops need not be fast."""
OUTPUTS = len(State._fields)


class Kind(NamedTuple):
    """What is compiled of a layer: the dimensions of its tensors, those that vary by a letter.

    Scalars have H components, vectors C channels.
    """

    layer: type[nn.Module]
    tensors: tuple[str, ...]


FRAMES = ("b t n 3", "b t n H", "b t n 3 C", "b t H")  # x, h, v, the noise's embedding
PAIRS = ("b 1 n n 1", f"b 1 n n {len(EDGE_TYPES)}")
KINDS = {
    "structure": Kind(StructureLayer, (*FRAMES, *PAIRS)),
    "stereo": Kind(StructureLayer, (*FRAMES, *PAIRS, "s 4", "s")),  # atoms and signs of the triples
    "temporal": Kind(TemporalLayer, (*FRAMES, "b t n 3")),  # the noisy frames
}


class Settings(NamedTuple):
    """What a library is made for besides a layer: 'fp32' or 'bf16', and the spacing of the frames, ps."""

    precision: str
    frame_ps: float

    def autocast(self, device: str = "cpu") -> contextlib.AbstractContextManager:
        """The context in which a network runs on a type of device."""
        bf16 = self.precision == "bf16"
        return torch.autocast(device, dtype=torch.bfloat16) if bf16 else contextlib.nullcontext()


class AsFunction(nn.Module):
    """A layer as a function of its weights and of the tensors of a `Kind`."""

    def __init__(self, layer: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.names = [name for name, _ in layer.named_parameters()]
        self.settings = settings
        self.held = (layer,)  # not a part of this module, whose weights are inputs

    def forward(self, weights: Sequence[Tensor], *tensors: Tensor) -> tuple[Tensor, ...]:
        x, h, v, noise, *rest = tensors
        layer, state, nothing = self.held[0], State(x, h, v), cast(Any, None)
        arguments: tuple[Any, ...]
        if isinstance(layer, TemporalLayer):
            arguments = (state, *rest, Context(nothing, noise, nothing, nothing, None), self.settings.frame_ps)
        else:
            pairs, edges, *stereo = rest
            arguments = (state, Context(nothing, noise, pairs, edges, Stereo(*stereo) if stereo else None))
        with self.settings.autocast():
            named = dict(zip(self.names, weights, strict=True))
            return tuple(torch.func.functional_call(layer, named, arguments))


class FastStructureLayer(nn.Module):
    """A structure layer by its libraries, for sampling: it has no gradients."""

    def __init__(self, layer: nn.Module, libraries: dict[str, Library], settings: Settings) -> None:
        super().__init__()
        self.layer, self.libraries = layer, libraries

    def forward(self, state: State, context: Context) -> State:
        if state.x.shape[2] < LEAST["n"]:
            return cast(State, self.layer(state, context))
        library = self.libraries["stereo" if context.stereo else "structure"]
        rest = (context.noise, context.pairs, context.edges, *(context.stereo or ()))
        return _called(library, self.layer, (*state, *rest))


class FastTemporalLayer(nn.Module):
    """A temporal layer by its library, for sampling: it has no gradients."""

    def __init__(self, layer: nn.Module, libraries: dict[str, Library], settings: Settings) -> None:
        super().__init__()
        self.layer, self.libraries, self.settings = layer, libraries, settings

    def forward(self, state: State, noisy: Tensor, context: Context, frame_ps: float) -> State:
        if state.x.shape[2] < LEAST["n"] or frame_ps != self.settings.frame_ps:
            return cast(State, self.layer(state, noisy, context, frame_ps))
        return _called(self.libraries["temporal"], self.layer, (*state, context.noise, noisy))


FAST = {StructureLayer: FastStructureLayer, TemporalLayer: FastTemporalLayer}


def _called(library: Library, layer: nn.Module, tensors: Sequence[Tensor]) -> State:
    """In float32 outside, whatever the context rounds inside of other layers."""
    as_compiled = [tensor.float() if tensor.is_floating_point() else tensor for tensor in tensors]
    return State(*library([*layer.parameters(), *as_compiled]))


def library_path(kind: str, layer: nn.Module, settings: Settings) -> Path:
    """The file of a library, by what it depends on: source code, sizes, settings, PyTorch and processor."""
    shapes = [(name, list(weight.shape)) for name, weight in layer.named_parameters()]
    constants = [(name, buffer.tolist()) for name, buffer in layer.named_buffers()]
    source = "".join(inspect.getsource(module) for module in (*SOURCES, sys.modules[__name__]))
    where = (torch.__version__, machine()["processor"], torch.cpu.get_capabilities())
    facts = (source, kind, shapes, constants, settings, where)
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    return cache_folder() / f"{kind}-{settings.precision}-{digest[:16]}.so"


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and layer of whatever can be compiled."""
    return ((name, part) for name, part in network.named_modules() if type(part) in FAST)


def _paths(layer: nn.Module, settings: Settings) -> dict[str, Path]:
    """The file of each kind of library that a layer needs."""
    return {kind: library_path(kind, layer, settings) for kind in KINDS if KINDS[kind].layer is type(layer)}


def compile_layers(model: Model, settings: Settings, told: Callable[[str], None] = lambda text: None) -> list[Path]:
    """Compile what the network of a model needs and the cache has not; about half a minute a library.

    `told` hears the name of each library when it begins.

    Raises
    ------
    InputError
        When the network has no layer of this kind, the machine no C++ compiler, the cache cannot be written, or a
        library is further from float32 than the layer.
    """
    wanted = {
        path: (kind, layer)
        for _, layer in _layers(model.denoiser.network)
        for kind, path in _paths(layer, settings).items()
    }
    if not wanted:
        raise InputError(f"The model '{model.name}' has no layers that can be compiled.")
    compiler()
    make_cache_folder()
    for path, (kind, layer) in wanted.items():
        if not path.is_file():
            told(kind)
            _compile(kind, layer, settings, path)
    return list(wanted)


def _compile(kind: str, layer: nn.Module, settings: Settings, path: Path) -> None:
    function, weights = AsFunction(layer, settings), [weight.detach() for weight in layer.parameters()]
    letters = {letter: torch.export.Dim(letter, min=least, max=MOST) for letter, least in LEAST.items()}
    vary = [
        {place: letters[size] for place, size in enumerate(tensor.split()) if size in letters}
        for tensor in KINDS[kind].tensors
    ]
    shapes = ([None] * len(weights), tuple(vary))
    with torch.no_grad(), tempfile.TemporaryDirectory(dir=path.parent) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's, of its own functions
        example = (weights, *_example(kind, layer, {"b": 2, "t": 6, "n": 5, "s": 3}))
        program = torch.export.export(function, example, dynamic_shapes=shapes)
        package = Path(folder) / "layer.pt2"
        torch._inductor.aoti_compile_and_package(program, package_path=str(package), inductor_configs=OPTIONS)
        with zipfile.ZipFile(package) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".so")]
            made = Path(folder) / "layer.so"
            made.write_bytes(sealed(archive.read(name)))
        _check(kind, layer, settings, made)
        with atomic_path(path) as temporary:
            temporary.write_bytes(made.read_bytes())


def _example(kind: str, layer: nn.Module, sizes: dict[str, int]) -> list[Tensor]:
    """Random tensors of a kind; the triples are made of the first atoms."""
    transition = cast(structure_layer.Transition, layer.transition)
    sizes = {**sizes, "H": transition.hidden, "C": transition.channels}
    generator = torch.Generator().manual_seed(0)
    made = []
    for tensor in KINDS[kind].tensors:
        shape = [sizes[size] if size in sizes else int(size) for size in tensor.split()]
        made.append(torch.randn(shape, generator=generator))
        if tensor == "s 4":
            made[-1] = torch.arange(4).expand(shape).contiguous()
    return made


@torch.no_grad()
def _check(kind: str, layer: nn.Module, settings: Settings, path: Path) -> None:
    """Raise InputError where a library is further from the layer in float32 than the layer itself is in bf16."""
    weights = [weight.detach() for weight in layer.parameters()]
    tensors = _example(kind, layer, {"b": 3, "t": 9, "n": 7, "s": 2})
    exact, rounded = (AsFunction(layer, Settings(p, settings.frame_ps))(weights, *tensors) for p in ("fp32", "bf16"))
    library = Library(path, len(weights) + len(tensors), OUTPUTS, runners=1)
    for found, wanted, near in zip(library([*weights, *tensors]), exact, rounded, strict=True):
        allowed = 3 * (near - wanted).abs().max() if settings.precision == "bf16" else 0.0
        if not (found - wanted).abs().max() <= allowed + 1e-4 * wanted.abs().max():
            raise InputError(f"The compiled {kind} layer computes something else than it should; it is not kept.")


@lru_cache(maxsize=8)
def fast_denoiser(denoiser: Denoiser, settings: Settings) -> Denoiser | None:
    """A copy of a denoiser on a processor whose layers are libraries; None where one is missing, or there is no cache.

    Raises
    ------
    InputError
        When a library is damaged.
    """
    try:
        cache_folder()
    except InputError:  # without a home there is nothing to take, and nothing is wrong
        return None
    fast = denoiser.sharing()
    layers = list(_layers(fast.network))
    for name, layer in layers:
        paths = _paths(layer, settings)
        if not all(path.is_file() for path in paths.values()):
            return None
        n_weights = len(list(layer.parameters()))
        libraries = {kind: _library(path, n_weights + len(KINDS[kind].tensors)) for kind, path in paths.items()}
        parent, _, child = name.rpartition(".")
        setattr(fast.network.get_submodule(parent), child, FAST[type(layer)](layer, libraries, settings))
    return fast if layers else None


@lru_cache(maxsize=64)
def _library(path: Path, n_inputs: int) -> Library:
    return Library(path, n_inputs, OUTPUTS, runners=os.cpu_count() or 1)
