"""The census of a training run: what its stores hold, and what the models that it starts from had seen."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from rdkit import Chem

from eginterpolator.chemistry.molecule import flat_smiles
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
        SMILES without stereo of the molecules that are trained on: those of the stores without the held-out ones.
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
                key = (facts.smiles, facts.ensemble)
                if key not in counted and flat_smiles(facts.smiles) in molecules:
                    counted.add(key)
                    census.add(Chem.MolFromSmiles(facts.smiles), facts.ensemble)
                    found += 1
        census.stores.append(digest)
        census.source.append(f"{found:,} molecules of {Path(path).name}, counted by the run '{config.name}'")
    log.info("census: %d simulated molecules and %d minima in the stores of this run", *census.molecules)
    before.add_all(census)
    return before
