"""One short run on a GPU: is it equal to the processor, how fast is it, and what memory does it take?

    python benchmarks/gpu_check.py [--device cuda] [--model qm9-obc2] [--results benchmarks/results]

- equality: one pass of the network at six noise levels with the same weights and frames, in fp32 on both, then in bf16
  on the device; the greatest difference of a coordinate, Å, against what is allowed;
- sampling: as many trajectories as fit a pass, by `egi generate`'s own path, with finite frames and their quality;
- throughput: milliseconds of a pass by number of windows, and the greatest memory.

Nothing is compared frame by frame after sixteen steps: rounding grows there. It takes under five minutes on a GPU.
`--device cpu` compares the processor with itself, which shows that the comparisons run. Exit code 1 where a difference
is larger than allowed, 2 with one sentence where there is no GPU. It has not been run on one yet.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import bench
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.batching import collate_graphs
from eginterpolator.errors import InputError
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.registry import load_model
from eginterpolator.nn.graph_batch import GraphBatch

SMILES = ("CC[C@H](O)C#CCOC", "C[C@@H](N)Cc1ccc(O)cc1")
"""In one batch, so that one of them is padded."""
LEVELS = (0.02, 0.1, 0.5, 1.5, 4.0, 7.0)
ALLOWED = {"fp32": 1e-3, "bf16": 0.05}
"""Å, of a denoised coordinate, beside the processor in fp32 (TF32 is off): bf16 as `tests/models/test_compiled.py`."""
WINDOWS = (1, 4, 16, 64)
FRAME_PS, FRAMES, REPEATS = 5.2, 64, 5


def device_of(name: str) -> str:
    """The device, which is there.

    Raises
    ------
    InputError
        Where it is a GPU, and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "There is no GPU that PyTorch sees here, so nothing was checked; run this on a machine with one."
        )
    return name


def frames_of(graph: GraphBatch, level: float, count: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Random frames [B, T, N, 3], the level of each [B, T], and that all are predicted; on the processor."""
    generator = torch.Generator().manual_seed(round(1000 * level) + count)
    x = (1.5 + level) * torch.randn((*graph.mask.shape[:1], FRAMES, graph.mask.shape[1], 3), generator=generator)
    x = x * graph.mask[:, None, :, None]
    return x, torch.full(x.shape[:2], level), torch.ones(x.shape[:2], dtype=torch.bool)


@torch.no_grad()
def one_pass(denoiser: Denoiser, graph: GraphBatch, level: float, device: str, bf16: bool = False) -> Tensor:
    """Denoised frames [B, T, N, 3], on the processor."""
    x, sigma, predicted = (part.to(device) for part in frames_of(graph, level))
    with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
        return denoiser(x, sigma, graph.to(device), predicted, FRAME_PS, 1.0).float().cpu()


def equality(name: str, device: str) -> dict[str, float]:
    """Greatest difference of a real atom's coordinate at any level, Å, of each precision from fp32 on the processor."""
    graph = collate_graphs([featurize(Molecule.from_smiles(smiles)) for smiles in SMILES])
    here, there = load_model(name).denoiser, load_model(name, device).denoiser
    worst = dict.fromkeys(ALLOWED, 0.0)
    for level in LEVELS:
        wanted = one_pass(here, graph, level, "cpu")
        for precision in ALLOWED:
            found = one_pass(there, graph, level, device, precision == "bf16")
            difference = ((found - wanted) * graph.mask[:, None, :, None]).abs().max().item()
            worst[precision] = max(worst[precision], difference if difference == difference else float("inf"))
    return worst


def sampling(name: str, device: str, samples: int) -> dict[str, float]:
    """Seconds, shares of valid frames and of kept stereo, of trajectories of two windows each."""
    config = GenerationConfig(n_frames=2 * FRAMES, n_samples=samples, seed=1, device=device)
    model, molecule = load_model(name, device), Molecule.from_smiles(SMILES[0])
    began = time.perf_counter()
    made = generate_trajectories(model, molecule, config)
    seconds = time.perf_counter() - began
    shares = {key: statistics.fmean(each.meta[key] for each in made) for key in ("valid", "stereo_retention")}
    return {"samples": samples, "frames": 2 * FRAMES, "seconds": seconds, **shares}


def throughput(name: str, device: str, windows: tuple[int, ...]) -> list[dict[str, float]]:
    """Of a pass in bf16 over so many windows of 64 frames: least milliseconds, and MiB on the GPU (0 elsewhere)."""
    denoiser = load_model(name, device).denoiser
    single = featurize(Molecule.from_smiles(SMILES[0]))
    rows = []
    for count in windows:
        graph = collate_graphs([single] * count).to(device)
        x, sigma, predicted = (part.to(device) for part in frames_of(graph, 0.5, count))

        @torch.no_grad()
        def work(x: Tensor = x, sigma: Tensor = sigma, graph: GraphBatch = graph, asked: Tensor = predicted) -> None:
            with torch.autocast(device, dtype=torch.bfloat16):
                denoiser(x, sigma, graph, asked, FRAME_PS, 1.0)

        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        milliseconds = 1000 * least(work, device)
        mib = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else 0.0
        rows.append({"windows": count, "ms": milliseconds, "frames a second": 1000 * count * FRAMES / milliseconds,
                     "MiB": mib})  # fmt: skip
    return rows


def least(work: Callable[[], None], device: str) -> float:
    """Least seconds of a call, after two that warm up; a GPU has finished by then."""
    seconds = []
    for _ in range(2 + REPEATS):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds[2:])


def page(result: dict[str, Any]) -> str:
    """Markdown."""
    rows = [[name, f"{found:.2g}", f"{ALLOWED[name]:g}"] for name, found in result["equality"].items()]
    lines = [f"# {result['device']} beside the processor", "", f"`{result['command']}`", ""]
    lines += [bench.table(["precision", "greatest difference, Å", "allowed"], rows), ""]
    lines += [bench.listed({key: f"{value:.3g}" for key, value in result["sampling"].items()}), ""]
    columns = list(result["throughput"][0])
    return "\n".join([*lines, bench.table(columns, [[f"{r[c]:.4g}" for c in columns] for r in result["throughput"]])])


def main() -> int:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--model", default="qm9-obc2")
    options = parser.parse_args()
    device = device_of(options.device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    run = bench.Run(f"python benchmarks/gpu_check.py --device {device} --model {options.model}")
    windows = WINDOWS if device == "cuda" else WINDOWS[:1]
    result: dict[str, Any] = {
        **run.made_by,
        "device": torch.cuda.get_device_name() if device == "cuda" else "The processor",
        "equality": equality(options.model, device),
        "sampling": sampling(options.model, device, 64 if device == "cuda" else 1),
        "throughput": throughput(options.model, device, windows),
    }
    text = page(result)
    run.write(options.results, f"gpu_check_{device}", result, text)
    print(text)
    within = all(found <= ALLOWED[name] for name, found in result["equality"].items())
    print("Within what is allowed." if within else "A difference is larger than allowed.")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
