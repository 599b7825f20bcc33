"""How far sampling and training are from what arithmetic and memory allow on this machine.

    python benchmarks/floors.py [--model qm9-obc2] [--results benchmarks/results]

Counts the floating-point operations of matrix products (PyTorch's FlopCounterMode) and the bytes that every operation
reads and writes as it is executed, for a pass of the shipped model and for a training step at the published size, and
measures in the same run what the machine does: products of large matrices, products of the shapes of the messages, a
copy of a large array, a copy that stays in the cache. Operations and bytes are those of the layers as they are, in
fp32; beside their time is that of the layers in bf16 with kernels, in training compiled besides, where there are any.

    arithmetic floor  = operations / rate of large products, of fp32 and of bf16
    bytes floor       = bytes of the state between layers, read and written once a layer / bandwidth of memory
    bytes as executed = all bytes / bandwidth of memory, and of the cache
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

import bench
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.batching import collate_graphs
from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.models.compiled import compile_parts, use_kernels, with_kernels
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.registry import build_denoiser, load_model
from layers import FRAME_PS, SMILES, networks, step_of

VIEWS = ("view", "expand", "permute", "transpose", "unsqueeze", "squeeze", "slice", "select", "split", "unbind", "t.",
         "detach", "alias", "as_strided")  # fmt: skip


class ByteCounter(TorchDispatchMode):
    """Adds up the bytes of all tensors that operations read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not any(part in str(func) for part in VIEWS):
            tensors = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, Tensor)]
            self.bytes += sum(x.numel() * x.element_size() for x in tensors)
        return result


def best(work: Callable[[], Any], repeats: int = 7) -> float:
    """Least seconds of several calls, after one that warms up."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def rates() -> dict[str, float]:
    """What the machine does, GFLOP/s and GB/s."""
    large, tall, small = torch.randn(1536, 1536), torch.randn(64 * 81, 64), torch.randn(64, 64)
    half = large.bfloat16()
    memory, cache = torch.randn(32 * 2**20), torch.randn(2**16)
    out, cached = torch.empty_like(memory), torch.empty_like(cache)
    return {
        "large products, GFLOP/s": 2 * 1536**3 / best(lambda: large @ large) / 1e9,
        "large products in bf16, GFLOP/s": 2 * 1536**3 / best(lambda: half @ half) / 1e9,
        "products of messages, GFLOP/s": 2 * 64 * 81 * 64 * 64 / best(lambda: tall @ small, 200) / 1e9,
        "memory, GB/s": 2 * memory.nbytes / best(lambda: out.copy_(memory)) / 1e9,
        "cache, GB/s": 2 * cache.nbytes / best(lambda: cached.copy_(cache), 200) / 1e9,
    }


def counted(
    work: Callable[[], Any], fast: Callable[[], Any] | None, layers: int, state_bytes: int, rate: dict[str, float]
) -> dict[str, float]:
    """Operations, bytes, floors and measured time of `work`, and of `fast`, which computes the same; ms."""
    with FlopCounterMode(display=False) as flops:
        work()
    with ByteCounter() as counter:
        work()
    operations = flops.get_total_flops()
    return {
        "GFLOP": operations / 1e9,
        "GB as executed": counter.bytes / 1e9,
        "arithmetic floor, ms": operations / rate["large products, GFLOP/s"] / 1e6,
        "arithmetic floor in bf16, ms": operations / rate["large products in bf16, GFLOP/s"] / 1e6,
        "bytes floor, ms": 2 * layers * state_bytes / rate["memory, GB/s"] / 1e6,
        "bytes as executed from memory, ms": counter.bytes / rate["memory, GB/s"] / 1e6,
        "bytes as executed from cache, ms": counter.bytes / rate["cache, GB/s"] / 1e6,
        "measured, ms": best(work) * 1e3,
        "measured in bf16 with kernels, ms": best(fast) * 1e3 if fast else float("nan"),
    }


def state_bytes(frames: int, atoms: int, hidden: int, channels: int) -> int:
    """Bytes of positions, scalars and vectors of all frames, fp32."""
    return 4 * frames * atoms * (3 + hidden + 3 * channels)


def sampling(name: str, rate: dict[str, float]) -> dict[str, dict[str, float]]:
    """A pass of one window of the shipped model, with and without its temporal part."""
    model = load_model(name)
    graph = collate_graphs([featurize(Molecule.from_smiles(SMILES))])
    frames, atoms = int(model.config["window"]), graph.mask.shape[1]
    x, sigma = torch.randn(1, frames, atoms, 3), torch.full((1, frames), 0.5)
    predicted = torch.ones((1, frames), dtype=torch.bool)
    section = model.config["model"]
    structure, temporal = int(section["structure"]["layers"]), 3 * int(section["blocks"])
    size = state_bytes(frames, atoms, int(section["hidden"]), int(section["channels"]))
    rows, kernels = {}, with_kernels(model.denoiser)
    for strength, layers in ((0.0, structure), (1.0, structure + temporal)):

        @torch.no_grad()
        def work(denoiser: Denoiser = model.denoiser, strength: float = strength) -> None:
            denoiser(x, sigma, graph, predicted, FRAME_PS, strength)

        @torch.autocast("cpu", dtype=torch.bfloat16)
        def fast(work: Callable[..., None] = work) -> None:
            work(kernels)

        row = counted(work, fast if kernels else None, layers, size, rate)
        rows[f"pass of {name}, {frames} frames, λ = {strength:g}"] = row
    return rows


def training(rate: dict[str, float], frames: int = 500, hidden: int = 128) -> dict[str, dict[str, float]]:
    """A training step at the published size; the state is read and written in the pass and again in the backward."""
    rows = {}
    for name, spec in networks(hidden).items():
        plain, fast = (build_denoiser(spec, Preconditioned(sigma_data=1.5).config()) for _ in range(2))
        kernels = use_kernels(fast)
        compile_parts(fast)
        step, quick = step_of(plain, frames, "fp32"), step_of(fast, frames, "bf16")
        layers = 2 * (6 if "structure" not in spec else 24)
        size = state_bytes(frames, Molecule.from_smiles(SMILES).n_heavy, hidden, 16)
        row = counted(step, quick if kernels else None, layers, size, rate)
        rows[f"training step of {name}, hidden {hidden}, {frames} frames"] = row
    return rows


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    rates = ", ".join(f"{name} {value:.0f}" for name, value in result["rates"].items())
    columns = list(next(iter(result["rows"].values())))
    rows = [[name, *(f"{row[column]:.3g}" for column in columns)] for name, row in result["rows"].items()]
    return f"{rates}.\n\n{bench.table(['', *columns], rows)}"


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--model", default="qm9-obc2")
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = bench.Run(f"python benchmarks/floors.py --model {options.model}")
    rate = rates()
    result: dict[str, Any] = {
        **run.made_by,
        "rates": rate,
        "rows": {**sampling(options.model, rate), **training(rate)},
    }
    where = f"one thread of {run.machine['processor']}, 9 heavy atoms"
    page = f"# Floors\n\n`{run.command}`, {where}. Measured in this run: {table(result)}"
    run.write(options.results, "floors", result, page)
    print(table(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
