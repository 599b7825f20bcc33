"""Put a trained model into the package: its weights, its config with the sampler that was chosen, its card.

    python benchmarks/ship_model.py MODEL --name qm9-obc2 --sampler sde:30 [--window 64] --card CARD.md
        [--default structures] [--count] [--largest 60] [--out pretrained]

What the training run wrote stays in the config, and its census of the training data goes with the weights; `sampler`
and `window` are the defaults of `egi generate`. With `--default structures` the model is the first choice for
independent frames and conformers of every molecule that it fits. `--count` takes the census again from the stores that
the config names: runs of before this version counted no ions. `--largest` sets the limit of heavy atoms, which a run
writes as what its batches had room for.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.identity import held_out_key
from eginterpolator.data.splits import validation_mask
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.files.io import write_text
from eginterpolator.models.census import Census
from eginterpolator.models.choice import STRUCTURES
from eginterpolator.models.conditions import conditions_text
from eginterpolator.models.registry import load_model, model_folder, save_model
from eginterpolator.training.config import TrainConfig, build
from eginterpolator.training.counting import training_census
from tune_sampler import parse

PRETRAINED = Path(__file__).resolve().parents[1] / "src" / "eginterpolator" / "pretrained"


def counted(config: dict[str, Any]) -> Census:
    """The census of a run, from its stores, which are where the config says; molecules of validation are left out."""
    run = build(TrainConfig, config["training"], "")
    stores = {path for source in run.data.sources for path in source.stores}
    keys: set[str] = set()
    for path in stores:
        with Store(path) as store:
            keys |= {held_out_key(store.facts(name).smiles) for name in store.names}
    names = np.array(sorted(keys))
    return training_census(run, set(names[~validation_mask(names, run.data.validation_share)].tolist()))


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("model", help="checkpoint folder of a training run")
    parser.add_argument("--name", required=True)
    parser.add_argument("--sampler", required=True, help="name:steps:option=value:..., as in tune_sampler.py")
    parser.add_argument("--window", type=int, default=None, help="longest block of frames; none for one block")
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--default", choices=(STRUCTURES,), action="append", default=[], help="what it comes first for")
    parser.add_argument("--count", action="store_true", help="take the census again, from the stores")
    parser.add_argument("--largest", type=int, default=None, help="heavy atoms")
    parser.add_argument("--out", type=Path, default=PRETRAINED, help="folder of the shipped models")
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
    if options.default:
        config["default_for"] = options.default
    if options.largest is not None:
        config["limits"]["max_heavy_atoms"] = options.largest
    target = options.out / options.name
    census = counted(config) if options.count else model.census
    if census is None:
        raise InputError(f"'{options.model}' has no census.json, which says what it was trained on; see census.py.")
    save_model(target, model.denoiser, config, census)
    write_text(target / "card.md", options.card.read_text())
    size, limits = (target / "model.safetensors").stat().st_size / 1e6, config["limits"]
    print(
        f"{target.name}: {size:.1f} MB, {conditions_text(config)}, axes {'held' if limits.get('axes') else 'not held'}"
    )
    print(f"H {' '.join(limits['elements'])}, up to {limits['max_heavy_atoms']} heavy atoms")
    simulated, minima = census.molecules
    print(f"census: {simulated:,} simulated molecules, {minima:,} with minima, {len(census.stores)} stores")
    traits = census.tables["traits"]
    rings = sorted((name for name in traits if name.startswith("ring of")), key=lambda name: (len(name), name))
    charges = sorted(name for name in traits if name.startswith("net charge"))
    print("; ".join(f"{name}: {traits[name][0]:,}" for name in [*charges, *rings]))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
