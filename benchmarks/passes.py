"""A pass of a shipped network by each kind of kernels: no kernels, a kernel a part, structure layers in one call.

    python benchmarks/passes.py [--model qm9-obc2] [--windows 8] [--repeats 5]

Eight windows of 64 frames of a molecule with 9 heavy atoms, one thread. Times are of the processor, so that other work
counts less, and variants take turns within each repeat; ratios are within a repeat. Without kernels layers run in the
numbers of the kernels beside them. Differences are between denoised frames, at a noise level of .5 Å.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

import torch
from torch import Tensor

import bench
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.batching import collate_graphs
from eginterpolator.kernels.library import CHOICE, DTYPES, KINDS, kinds
from eginterpolator.models.compiled import with_kernels
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.registry import Model, load_model
from eginterpolator.models.structure import BasicES
from eginterpolator.nn.structure_layer import StructureLayer
from layers import FRAME_PS, SMILES

PLAIN, PARTS, WHOLE = "no kernels", "a kernel a part", "structure layers in one call"


def variants(model: Model, kind: str) -> dict[str, Denoiser]:
    """The network in three ways; kernels are those of `kind`, which the environment names already."""
    numbers = KINDS[kind].numbers
    parts, whole = (with_kernels.__wrapped__(model.denoiser, numbers) for _ in range(2))
    if parts is None or whole is None:
        raise SystemExit(f"The kernels {kind} cannot be compiled or do not fit this model.")
    for part in parts.modules():
        if isinstance(part, BasicES | StructureLayer):
            part.kernel = None
    return {PLAIN: model.denoiser, PARTS: parts, WHOLE: whole}


def measure(model: Model, kind: str, strength: float, options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of each variant and repeat, and the greatest difference to no kernels, Å."""
    graph = collate_graphs([featurize(Molecule.from_smiles(SMILES))] * options.windows)
    random = torch.Generator().manual_seed(0)
    frames = int(model.config["window"])
    x = 2 * torch.randn(options.windows, frames, graph.mask.shape[1], 3, generator=random)
    sigma, predicted = torch.full(x.shape[:2], 0.5), torch.ones(x.shape[:2], dtype=torch.bool)
    half = DTYPES[KINDS[kind].numbers] is torch.bfloat16

    @torch.no_grad()
    def run(denoiser: Denoiser) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            return denoiser(x, sigma, graph, predicted, FRAME_PS, strength)

    ways = variants(model, kind)
    first = {name: run(denoiser) for name, denoiser in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, denoiser in ways.items():
            began = time.process_time()
            run(denoiser)
            times[name].append(1e3 * (time.process_time() - began))
    return {"ms": times, "difference": {name: float((y - first[PLAIN]).abs().max()) for name, y in first.items()}}


def row(kind: str, strength: float, found: dict[str, Any]) -> list[str]:
    """A line of the table."""
    ms = found["ms"]
    ratios = [[slow / fast for slow, fast in zip(ms[name], ms[WHOLE], strict=True)] for name in (PLAIN, PARTS)]
    return [
        f"`{kind}`, λ = {strength:g}",
        *(bench.spread(ms[name], 0) for name in (PLAIN, PARTS, WHOLE)),
        *(bench.spread(each, 2) for each in ratios),
        f"{found['difference'][WHOLE]:.1g}",
    ]


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--model", default="qm9-obc2")
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = bench.Run(f"python benchmarks/passes.py --model {options.model} --windows {options.windows}")
    model, rows, lines = load_model(options.model), {}, []
    for kind in kinds():
        os.environ[CHOICE] = kind
        for strength in (0.0, 1.0):
            found = measure(model, kind, strength, options)
            rows[f"{kind}, {strength:g}"] = found
            lines.append(row(kind, strength, found))
            print(lines[-1], flush=True)
    head = ["", *(f"{name}, ms" for name in (PLAIN, PARTS, WHOLE))]
    head += ["times as fast as no kernels", "as a kernel a part", "Å"]
    frames = options.windows * int(model.config["window"])
    where = f"{frames} frames of 9 heavy atoms, {bench.listed(run.machine)}"
    page = f"# A pass by kinds of kernels\n\n`{run.command}`, {where}, processor time.\n\n{bench.table(head, lines)}"
    run.write(options.results, "passes", {**run.made_by, "rows": rows}, page)
    print(page)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
