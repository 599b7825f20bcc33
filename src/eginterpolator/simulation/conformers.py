"""What `egi conformers` makes of structures: relaxed, sorted by energy, without duplicates, weighed, in clusters."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from eginterpolator.analysis.clusters import group_conformers
from eginterpolator.chemistry.rmsd import numberings, symmetric_rmsd
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.files.notebook import Table
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.simulation.ensembles import (
    BONDS,
    DUPLICATE,
    MAX_MATCHES,
    STEREO,
    WINDOW,
    Minima,
    boltzmann_weights,
    kept_of,
    low_minima,
    pair_rmsd,
)
from eginterpolator.simulation.refine import described, relaxer, require_method, solvent_of

log = logging.getLogger(__name__)

METHOD_OF = {"sage": "sage", "gfn2": "xtb", "mmff": "mmff"}
ENERGIES = ("none", *METHOD_OF)
POPULATIONS = ("minima", "thermal")
WINDOW_KCAL, PRUNE_RMSD, CLUSTER_RMSD, TEMPERATURE_K = 6.0, 0.125, 0.5, 298.15
"""CREST's window and threshold of duplicates (Pracht et al. 2020); the threshold of coverage for QM9."""
MOST_CLUSTERS = 1000
DRAWS = 1000
"""Of the starts, for the intervals of populations."""
REASONS = {STEREO: "another stereo", BONDS: "other bonds", WINDOW: "above the window", DUPLICATE: "duplicates"}
"""What is said of each reason to leave a structure out; all others are "not converged"."""


@dataclass(frozen=True, kw_only=True)
class RankSettings:
    """How structures become an ensemble; `of` fills in what depends on the rest.

    Attributes
    ----------
    energies : {'none', 'sage', 'gfn2', 'mmff'}
        What relaxes and ranks them.
    window_kcal : float or None
        Minima higher than this above the lowest are left out; None without energies.
    prune_rmsd : float or None
        Structures nearer than this (Å) to a lower or earlier one are left out (`ensembles.pair_rmsd`).
    cluster_count, cluster_rmsd : int, float or None
        As `group_conformers` takes them, heavy-atom RMSD; at most one of them.
    temperature_K : float or None
        Of the populations.
    solvent : str or None
        One of `refine.SOLVENTS`.
    populations : {'minima', 'thermal'}
        `thermal`: beside the weights of minima those of a simulation.
    """

    energies: str = "none"
    window_kcal: float | None = None
    prune_rmsd: float | None = None
    cluster_count: int | None = None
    cluster_rmsd: float | None = None
    temperature_K: float | None = None
    solvent: str | None = None
    populations: str = "minima"

    @classmethod
    def of(
        cls,
        energies: str = "none",
        *,
        window_kcal: float | None = None,
        prune_rmsd: float | None = None,
        clusters: str | float | None = None,
        temperature_K: float | None = None,
        solvent: str | None = None,
        populations: str = "minima",
    ) -> RankSettings:
        """Settings with the defaults of what is not given.

        Parameters
        ----------
        clusters : int, float or str, optional
            A whole number is a number of clusters, one with a decimal point their radius in Å.

        Raises
        ------
        InputError
            When a value makes no sense, needs energies that are not asked for, or what it needs is not installed.
        """
        if energies not in ENERGIES:
            raise InputError(f"'{energies}' are no energies; use one of {', '.join(ENERGIES)}.")
        if populations not in POPULATIONS:
            raise InputError(f"'{populations}' are no populations; use one of {', '.join(POPULATIONS)}.")
        given = {"--window": window_kcal, "--prune-rmsd": prune_rmsd, "--populations-at": temperature_K}
        for option, value in given.items():
            if value is not None and not 0 < value < np.inf:
                raise InputError(f"{option} is {value:g}; give a positive number.")
        count, radius = _clusters(clusters)
        if energies == "none":
            asked = {"--window": window_kcal, "--populations-at": temperature_K, "--relax-in": solvent}
            asked["--populations"] = populations if populations != "minima" else None
            if needs := [option for option, value in asked.items() if value is not None]:
                raise InputError(f"{needs[0]} needs energies; give --energies sage, gfn2 or mmff as well.")
            return cls(prune_rmsd=prune_rmsd, cluster_count=count, cluster_rmsd=radius)
        require_method(METHOD_OF[energies])
        if populations == "thermal" and energies != "sage":
            raise InputError("Thermal populations are those of Sage, in lanes; give --energies sage.")
        if count is None and radius is None:
            radius = CLUSTER_RMSD
        return cls(
            energies=energies, window_kcal=WINDOW_KCAL if window_kcal is None else window_kcal,
            prune_rmsd=PRUNE_RMSD if prune_rmsd is None else prune_rmsd, cluster_count=count, cluster_rmsd=radius,
            temperature_K=TEMPERATURE_K if temperature_K is None else temperature_K,
            solvent=solvent_of(METHOD_OF[energies], solvent), populations=populations,
        )  # fmt: skip

    def require(self, hydrogens: bool) -> None:
        """InputError when structures are to be relaxed without their hydrogens."""
        if self.energies != "none" and not hydrogens:
            raise InputError("Structures are relaxed with their hydrogens; leave --no-hydrogens away.")

    @property
    def does_nothing(self) -> bool:
        """Whether structures stay as they were generated, in their order."""
        return self == RankSettings()

    def to_dict(self) -> dict[str, Any] | None:
        """What decides the result, for `meta.json`; None where nothing is done."""
        return None if self.does_nothing else asdict(self)


def _clusters(text: str | float | None) -> tuple[int | None, float | None]:
    if text is None:
        return None, None
    wrong = InputError(f"--clusters is '{text}'; give a number of clusters (5), or their radius in Å (0.5).")
    try:
        count = None if "." in str(text) else int(text)
        radius = None if count is not None else float(text)
    except ValueError as error:
        raise wrong from error
    if not (1 <= count <= MOST_CLUSTERS if count is not None else 0 < float(radius or 0) < np.inf):
        raise wrong
    return count, radius


def ranked(
    ensemble: ConformerEnsemble, settings: RankSettings, seed: int = 0, threads: int | None = None
) -> ConformerEnsemble:
    """An ensemble relaxed, sorted, pruned, weighed and clustered by `settings`.

    `table` and `clusters` are filled, and `meta["ranking"]` says what was done and what is left out. Populations are
    Boltzmann weights of the minima, or without energies shares of the structures. Their intervals (95 %) are over the
    structures that the search began with, drawn anew: how far another search as long may differ. Of errors of the
    energies they know nothing.

    Raises
    ------
    InputError
        When the method does not know the molecule, or structures have no hydrogens to relax.
    GenerationError
        When nothing is left.
    """
    if settings.does_nothing:
        return ensemble
    began = time.perf_counter()
    molecule = ensemble.molecule
    found = _pruned(ensemble, settings) if settings.energies == "none" else _relaxed(ensemble, settings, threads)
    by_energy = settings.energies != "none"
    heavy = found.positions[:, : molecule.n_heavy]
    apart = symmetric_rmsd(heavy, heavy, numberings(molecule.heavy_mol, molecule.heavy_mol, MAX_MATCHES).atoms)
    clustered = settings.cluster_count is not None or settings.cluster_rmsd is not None
    labels = group_conformers(apart, settings.cluster_count, settings.cluster_rmsd) if clustered else None
    factors = boltzmann_weights(found.energies_kcal, settings.temperature_K or 0) if by_energy else None
    draws = _drawn_weights(found, factors, seed)
    table = _table(found, draws, labels, apart, by_energy)
    thermal = None
    facts = _facts(ensemble, settings, found, by_energy)
    if settings.populations == "thermal" and labels is not None:
        from eginterpolator.simulation.conformer_populations import thermal_populations

        kelvin = settings.temperature_K or TEMPERATURE_K
        thermal = thermal_populations(molecule, found.positions, labels, kelvin, settings.solvent, seed, threads)
        facts["thermal"] = thermal.facts
    clusters = None if labels is None else _cluster_table(found, draws, labels, apart, settings, thermal)
    facts["clusters"] = None if clusters is None else clusters.n_rows
    facts["seconds"] = round(time.perf_counter() - began, 3)
    log.info("%s: %s", molecule.name, ranking_line(facts))
    energies = found.energies_kcal if by_energy else None
    meta = {**ensemble.meta, "ranking": facts}
    return replace(
        ensemble, positions=found.positions.astype(np.float32), energies_kcal=energies, meta=meta, table=table,
        clusters=clusters,
    )  # fmt: skip


def ranking_line(facts: dict[str, Any]) -> str:
    """What `meta["ranking"]` says of structures that were left out, in words: '12 of 50 kept: 30 duplicates, ...'."""
    dropped = ", ".join(f"{count} {reason}" for reason, count in facts["dropped"].items())
    return f"{facts['kept']} of {facts['generated']} kept{f': {dropped} left out' if dropped else ''}"


def summed(facts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts of `meta["ranking"]` over many molecules."""
    dropped: Counter[str] = Counter()
    for each in facts:
        dropped.update(each["dropped"])
    return {key: sum(each[key] for each in facts) for key in ("generated", "kept")} | {"dropped": dict(dropped)}


def _relaxed(ensemble: ConformerEnsemble, settings: RankSettings, threads: int | None) -> Minima:
    molecule = ensemble.molecule
    settings.require(ensemble.has_hydrogens)
    relax = relaxer(METHOD_OF[settings.energies], molecule, settings.solvent, threads)
    found = low_minima(
        molecule, ensemble.positions.astype(np.float64), relax, window_kcal=settings.window_kcal or WINDOW_KCAL,
        duplicate_rmsd=settings.prune_rmsd or PRUNE_RMSD,
    )  # fmt: skip
    if not len(found.positions):
        why = "; ".join(f"{reason} ({count} times)" for reason, count in found.dropped.most_common())
        raise GenerationError(f"No conformer of {molecule.smiles} is left: {why}.")
    return found


def _pruned(ensemble: ConformerEnsemble, settings: RankSettings) -> Minima:
    """Structures as they are, in their order, without those near to an earlier one."""
    positions, count = ensemble.positions.astype(np.float64), len(ensemble)
    places = np.arange(count)
    if settings.prune_rmsd is None:
        return Minima(positions, np.zeros(count), places)
    kept, nearest = kept_of(pair_rmsd(ensemble.molecule, positions, positions), places, settings.prune_rmsd)
    dropped = +Counter({DUPLICATE: count - len(kept)})
    return Minima(positions[kept], np.zeros(len(kept)), np.searchsorted(kept, nearest), dropped)


def _drawn_weights(found: Minima, factors: np.ndarray | None, seed: int) -> np.ndarray:
    """Weights of the conformers; the first row as they are, the others by starts drawn anew: [1 + DRAWS, C]."""
    n, size = len(found.of_starts), len(found.positions)
    random = np.random.default_rng(seed)
    drawn = np.concatenate([np.arange(n)[None], random.integers(0, n, (DRAWS, n))])
    counts = np.zeros((len(drawn), size + 1))
    np.add.at(counts, (np.arange(len(drawn))[:, None], found.of_starts[drawn]), 1)  # -1 is the last column
    weights = counts[:, :size] if factors is None else (counts[:, :size] > 0) * factors
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights[total[:, 0] > 0] / total[total[:, 0] > 0])


def _shares(draws: np.ndarray) -> np.ndarray:
    """Population and interval of each column: float64 [C, 3]."""
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return np.stack([draws[0], np.minimum(low, draws[0]), np.maximum(high, draws[0])], axis=1)


def _table(found: Minima, draws: np.ndarray, labels: np.ndarray | None, apart: np.ndarray, by_energy: bool) -> Table:
    energies = found.energies_kcal
    started = np.bincount(found.of_starts[found.of_starts >= 0], minlength=len(found.positions))
    names = None if labels is None else _names(draws, labels)
    rows = []
    for k, (share, low, high) in enumerate(_shares(draws).tolist()):
        row: dict[str, Any] = {"conformer": k + 1}
        if by_energy:
            row |= {"energy_kcal": float(energies[k]), "relative_kcal": float(energies[k] - energies[0])}
        row |= {"population": share, "population_low": low, "population_high": high, "found": int(started[k])}
        if names is not None and labels is not None:
            row["cluster"] = f"C{names[labels[k]] + 1}"
        rows.append({**row, "rmsd_to_best": float(apart[0, k])})
    how = "Boltzmann weights of the minima" if by_energy else "shares of the structures"
    return Table(list(rows[0]), rows, f"Populations are {how}; 95 % intervals over the starts of the search.")


def _names(draws: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Place of each cluster by population, the largest first: int64 [clusters]."""
    population = np.bincount(labels, draws[0])
    return np.argsort(np.argsort(-population, kind="stable"))


def _cluster_table(
    found: Minima, draws: np.ndarray, labels: np.ndarray, apart: np.ndarray, settings: RankSettings, thermal: Any
) -> Table:
    names = _names(draws, labels)
    count = len(names)
    parts = _shares(draws @ np.eye(count)[labels])
    count_text = f"average linkage, {count} clusters"
    method = count_text if settings.cluster_count else f"within {settings.cluster_rmsd:g} Å of the lowest of each"
    rows = []
    for cluster in np.argsort(names).tolist():
        members = np.flatnonzero(labels == cluster)
        first = int(members[0])
        share, low, high = parts[cluster].tolist()
        row: dict[str, Any] = {
            "cluster": f"C{names[cluster] + 1}", "population": share, "population_low": low, "population_high": high,
        }  # fmt: skip
        if thermal is not None:
            row |= dict(zip(("thermal", "thermal_low", "thermal_high"), thermal.shares[cluster].tolist(), strict=True))
        row["conformers"] = len(members)
        if settings.energies != "none":
            row["relative_kcal"] = float(found.energies_kcal[first] - found.energies_kcal[0])
        spread = float(apart[first, members].mean())
        rows.append({**row, "spread": spread, "unit": "Å", "sample": 0, "frame": first, "method": method})
    return Table(list(rows[0]), rows, f"Heavy-atom RMSD, {method}.")


def _facts(ensemble: ConformerEnsemble, settings: RankSettings, found: Minima, by_energy: bool) -> dict[str, Any]:
    dropped: Counter[str] = Counter()
    for reason, count in found.dropped.items():
        dropped[REASONS.get(reason, "not converged")] += count
    facts: dict[str, Any] = {"generated": len(ensemble), "kept": len(found.positions), "dropped": dict(dropped)}
    if by_energy:
        facts |= {
            "energies": described(METHOD_OF[settings.energies], settings.solvent),
            "window_kcal": settings.window_kcal, "temperature_K": settings.temperature_K,
        }  # fmt: skip
    return {**facts, "prune_rmsd": settings.prune_rmsd}
