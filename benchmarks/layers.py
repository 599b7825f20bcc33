"""A training step at the published size: the package's layers against plain ones, and what compilation and bf16 give.

    python benchmarks/layers.py [--results benchmarks/results] [--repeats 5] [--frames 500] [--hidden 128] [--threads 2]

BasicES and the blockwise EGInterpolator with 6 blocks, one molecule of 9 heavy atoms, one window: loss, backward,
AdamW. The plain layers are those of tests/builders/plain_layers.py, which the tests hold equal to the fast ones.
Variants take turns within each repeat, so that whatever else the machine does falls on all of them; ratios are
within a repeat.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import bench
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.batching import collate_graphs
from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.models.compiled import compile_parts, use_kernels
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.interpolator import BlockwiseInterpolator
from eginterpolator.models.registry import build_denoiser

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.builders.plain_layers import make_plain

SMILES = "CC[C@H](O)C#CCOC"
FRAME_PS = 5.2
KERNELS = "fast, compiled, bf16, kernels"
VARIANTS = {"plain": "fp32", "fast": "fp32", "fast, compiled": "fp32", "fast, compiled, bf16": "bf16", KERNELS: "bf16"}
"""How the layers are written and run, with the precision of the matrix products."""


def networks(hidden: int) -> dict[str, dict[str, Any]]:
    """The two networks at the published depth."""
    structure = {"hidden": hidden, "channels": 16, "layers": 6}
    return {
        "BasicES": {"class": "BasicES", **structure},
        "EGInterpolator, blockwise": {"class": "BlockwiseInterpolator", "structure": structure, "heads": 8},
    }


def step_of(denoiser: Denoiser, n_frames: int, precision: str) -> Callable[[], float]:
    """A function that does one training step and returns its seconds; an interpolator's structure part is frozen."""
    graph = collate_graphs([featurize(Molecule.from_smiles(SMILES))])
    if isinstance(denoiser.network, BlockwiseInterpolator):
        denoiser.network.freeze()
    trained = [p for p in denoiser.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn((1, n_frames, graph.mask.shape[1], 3), generator=generator)
    noise = torch.randn(x0.shape, generator=generator)
    sigma = torch.full((1, n_frames), 0.5)
    predicted = torch.ones((1, n_frames), dtype=torch.bool)

    def step() -> float:
        began = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            clean = denoiser(x0 + 0.5 * noise, sigma, graph, predicted, FRAME_PS)
        (clean - x0).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
        return time.perf_counter() - began

    return step


def measure(spec: dict[str, Any], options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of every repeat for each variant."""
    steps = {}
    for variant, precision in VARIANTS.items():
        torch.manual_seed(0)
        denoiser = build_denoiser(spec, Preconditioned(sigma_data=1.5).config())
        if variant == "plain":
            make_plain(denoiser)
        elif "compiled" in variant:
            if variant == KERNELS and not use_kernels(denoiser):
                continue  # not for this processor
            compile_parts(denoiser)
        steps[variant] = step_of(denoiser, options.frames, precision)
        steps[variant]()  # compiles, and fills caches
    seconds: dict[str, list[float]] = {variant: [] for variant in steps}
    for _ in range(options.repeats):
        for variant, step in steps.items():
            seconds[variant].append(step())
    return seconds


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    rows = []
    for network, seconds in result["seconds"].items():
        for variant, values in seconds.items():
            ratios = [plain / value for plain, value in zip(seconds["plain"], values, strict=True)]
            rows.append([network, variant, bench.spread(values, 2), bench.spread(ratios, 2)])
    measured = ("seconds", "times faster than plain")
    return bench.table(["network", "variant", *(f"{what}, median (least to most)" for what in measured)], rows)


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    run = bench.Run("python benchmarks/layers.py " + " ".join(sys.argv[1:]))
    result: dict[str, Any] = {
        **run.made_by,
        "settings": {key: value for key, value in vars(options).items() if key != "results"},
        "molecule": SMILES,
        "seconds": {},
    }
    for name, spec in networks(options.hidden).items():
        result["seconds"][name] = measure(spec, options)
        print(table(result), flush=True)
    head = (
        f"# A training step against plain layers\n\n`{run.command}`: one window of {options.frames} frames of "
        f"{SMILES} (9 heavy atoms), hidden {options.hidden}, 6 blocks, threads {options.threads}, "
        f"{options.repeats} repeats in turn, {run.machine['processor']}.\n\n"
    )
    run.write(options.results, "layers", result, head + table(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
