"""Put a trained model into the package: its weights, its config with the sampler that was chosen, its card.

    python benchmarks/ship_model.py MODEL --name qm9-obc2 --sampler sde:30 [--window 64] --card CARD.md

What the training run wrote stays in the config, and its census of the training data goes with the weights; `sampler`
and `window` are the defaults of `egi generate`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bench
from eginterpolator.errors import InputError
from eginterpolator.files.io import write_text
from eginterpolator.models.registry import load_model, model_folder, save_model
from tune_sampler import parse

PRETRAINED = Path(__file__).resolve().parents[1] / "src" / "eginterpolator" / "pretrained"


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("model", help="checkpoint folder of a training run")
    parser.add_argument("--name", required=True)
    parser.add_argument("--sampler", required=True, help="name:steps:option=value:..., as in tune_sampler.py")
    parser.add_argument("--window", type=int, default=None, help="longest block of frames; none for one block")
    parser.add_argument("--card", type=Path, required=True)
    options = parser.parse_args()
    model = load_model(options.model)
    config = json.loads((model_folder(options.model) / "config.json").read_text())
    name, steps, settings = parse(options.sampler)
    process = {key: settings.pop(key) for key in ("sigma_min", "sigma_max", "rho") if key in settings}
    config["name"] = options.name
    config["process"] |= process
    config["sampler"] = {"name": name, "steps": steps, "options": settings}
    if options.window is not None:
        config["window"] = options.window
    target = PRETRAINED / options.name
    if model.census is None:
        raise InputError(f"'{options.model}' has no census.json, which says what it was trained on; see census.py.")
    save_model(target, model.denoiser, config, model.census)
    write_text(target / "card.md", options.card.read_text())
    print(f"{target.name}: {(target / 'model.safetensors').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
