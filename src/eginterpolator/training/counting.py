"""The census of a training run: what its stores hold, and what the models that it starts from had seen."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from rdkit import Chem

from eginterpolator.chemistry.codes import KINDS, kind_code
from eginterpolator.chemistry.identity import held_out_key
from eginterpolator.data.store import Store
from eginterpolator.files.io import sha256
from eginterpolator.models.census import Census
from eginterpolator.models.registry import model_folder
from eginterpolator.training.config import TrainConfig

log = logging.getLogger(__name__)


def training_census(config: TrainConfig, molecules: Collection[str]) -> Census:
    """Count the molecules that a run trains on, each once in an ensemble, and add what came before.

    Of the models that the run starts from (`structure`, `start`) the larger number counts, since they usually share
    their data. A store that one of them has counted is not counted again.

    Parameters
    ----------
    config : TrainConfig
    molecules : collection of str
        `held_out_key` of the molecules that are trained on: those of the stores without the held-out ones.
    """
    before = Census()
    for name in sorted({name for name in (config.structure, config.start) if name}):
        census = Census.load(model_folder(name))
        if census is None:
            before.source.append(f"'{name}', which the run '{config.name}' starts from, carries no census")
        else:
            before.join(census)
    counted: set[tuple[str, str]] = set()
    census = Census()
    for path in dict.fromkeys(path for source in config.data.sources for path in source.stores):
        digest = sha256(path)
        if digest in before.stores:
            continue
        found = 0
        with Store(path) as store:
            for name in store.names:
                facts = store.facts(name)
                kinds = {KINDS[kind_code(each)] for each in facts.structures or (facts.ensemble,)}
                new = [kind for kind in sorted(kinds) if (facts.smiles, kind) not in counted]
                if not new or held_out_key(facts.smiles) not in molecules:
                    continue
                for kind in new:
                    counted.add((facts.smiles, kind))
                    census.add(Chem.MolFromSmiles(facts.smiles), kind)
                found += 1
        census.stores.append(digest)
        census.source.append(f"{found:,} molecules of {Path(path).name}, counted by the run '{config.name}'")
    log.info("census: %d simulated molecules and %d minima in the stores of this run", *census.molecules)
    before.add_all(census)
    return before
