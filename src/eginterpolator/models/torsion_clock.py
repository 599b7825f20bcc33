"""The learned clock: how long each torsion of a molecule remembers, and how often it jumps, from the graph alone.

A table has the time of the class of each bond (`chemistry.torsion_times`, of the clock's own data), and a small network
what the rest of the molecule and the conditions change in it: messages between atoms up to `HOPS` bonds apart, and a
head that reads the four atoms of a torsion, whatever end is first, with friction and temperature. Untrained it changes
nothing. Of each torsion with more than one well they give

    ln t ~ Logistic, mean m, deviation s          t: where the autocorrelation falls to 1/e
    1 / tau ~ Gamma(a, mean 1 / T)          tau: of jumps, k_ij = pi_j / tau as in `analysis.jumps` (C1)

What it is trained on are counts: of N jumps where the time spent in wells expects E / tau of them, and of a t that is
known, or only known to be longer than a bound:

    N ~ Poisson(E / tau), with the gamma above a negative binomial
    ln t within an error of s_0^2 + c / (N + 1), or the probability of more than the bound

so that a run without a jump counts as what it is. (The logistic has the tails that torsions have which the graph does
not explain, and its probability of more is elementary.) `benchmarks/clock_train.py` trains it. No weights ship, and
nothing in the package asks it yet: what it was found to be worth is in benchmarks/LOG.md, entry 41.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import COLUMNS, EDGE_HOPS, EDGE_TYPES
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_graph import N_FACTS, TorsionGraph, torsion_graph
from eginterpolator.chemistry.torsion_times import TorsionTimes
from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path, write_json

HOPS = 4
"""Bonds between atoms that tell each other of themselves."""
LOG_PS = math.log(30.0)
"""Logarithms of times are told about this one."""
LEAST_SPREAD, MOST_SHAPE = 0.3, 4.0
"""Bounds of s and a: nothing is foretold better, whatever few molecules seem to say."""
NOISE_FLOOR, NOISE_OF_JUMPS = 0.1, 1.0
"""s_0 and c of what a measured time is off by."""
WEIGHTS, SETTINGS = "clock.safetensors", "clock.json"


@dataclass(frozen=True)
class ClockBatch:
    """Molecules one after another.

    Attributes
    ----------
    codes : int64 [N, C]; charges : float32 [N]
    pairs : int64 [2, P]
        Atoms that receive and send.
    kinds : int64 [P]
        Edge type of each pair.
    molecule : int64 [N]
        Which molecule an atom is of.
    torsions : int64 [K, 4]; facts : float32 [K, N_FACTS]
    conditions : float32 [K, 2]
        Logarithm of friction times ps, and 300 K over the temperature less 1.
    by_class : float32 [K]
        Logarithm of the time (ps) that the table has.
    """

    codes: Tensor
    charges: Tensor
    pairs: Tensor
    kinds: Tensor
    molecule: Tensor
    torsions: Tensor
    facts: Tensor
    conditions: Tensor
    by_class: Tensor


@dataclass(frozen=True)
class ClockTimes:
    """What the clock says of each torsion [K], as float64 arrays.

    Attributes
    ----------
    ps : time of memory, the median; spread : standard deviation of its logarithm.
    jump_ps : tau of jumps, T above; shape : a above.
    """

    ps: np.ndarray
    spread: np.ndarray
    jump_ps: np.ndarray
    shape: np.ndarray


def collate(
    graphs: Sequence[TorsionGraph], conditions: Sequence[tuple[float, float]], by_class: Sequence[np.ndarray]
) -> ClockBatch:
    """A batch of molecules with (friction in 1/ps, temperature in K) and the table's logarithms [K] of each."""
    codes, charges, pairs, kinds, molecule, torsions, facts, told = [], [], [], [], [], [], [], []
    first = 0
    near = np.array([1 <= hops <= HOPS for hops in EDGE_HOPS])
    for k, (graph, (friction, kelvin)) in enumerate(zip(graphs, conditions, strict=True)):
        n = len(graph.codes)
        to, source = np.nonzero(near[graph.edges])
        codes.append(graph.codes)
        charges.append(graph.charges)
        pairs.append(np.stack([to, source]) + first)
        kinds.append(graph.edges[to, source])
        molecule.append(np.full(n, k))
        torsions.append(graph.torsions + first)
        facts.append(graph.facts)
        told.append(np.tile([math.log(friction), 300.0 / kelvin - 1.0], (len(graph.torsions), 1)))
        first += n

    def joined(parts: list[np.ndarray], axis: int = 0, real: bool = False) -> Tensor:
        return torch.from_numpy(np.concatenate(parts, axis=axis).astype(np.float32 if real else np.int64))

    return ClockBatch(
        joined(codes), joined(charges, real=True), joined(pairs, axis=1), joined(kinds), joined(molecule),
        joined(torsions), joined(facts, real=True), joined(told, real=True),
        joined(list(by_class), real=True),
    )  # fmt: skip


class ClockLayer(nn.Module):
    """Messages between atoms that are near in the graph, each kind of pair with its own weight and gate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.receive, self.send = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.kind, self.gate = nn.Embedding(len(EDGE_TYPES), width), nn.Embedding(len(EDGE_TYPES), width)
        self.update = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, atoms: Tensor, batch: ClockBatch) -> Tensor:
        """Atoms [N, width] after the messages."""
        normed = self.norm(atoms)
        to, source = batch.pairs
        message = self.receive(normed)[to] + self.send(normed)[source] + self.kind(batch.kinds)
        message = nn.functional.silu(message) * self.gate(batch.kinds)
        told = torch.zeros_like(atoms).index_add(0, to, message)
        updated: Tensor = atoms + self.update(torch.cat([normed, told], dim=1))
        return updated


class TorsionClock(nn.Module):
    """See the module's first lines.

    Parameters
    ----------
    width, layers : int
    dropout : float
        Of the head, in training.
    """

    def __init__(self, width: int = 16, layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = {"width": width, "layers": layers, "dropout": dropout}
        self.atoms = nn.ModuleList(nn.Embedding(count, width) for count in COLUMNS.values())
        self.charge = nn.Linear(1, width, bias=False)
        self.layers = nn.ModuleList(ClockLayer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        last = nn.Linear(width, 4)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.head = nn.Sequential(
            nn.Linear(5 * width + N_FACTS + 3, 2 * width), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(2 * width, width), nn.SiLU(), nn.Dropout(dropout), last,
        )  # fmt: skip

    def forward(self, batch: ClockBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """m, s, ln T and a of each torsion [K]; times in ps."""
        atoms = self.charge(batch.charges[:, None])
        for k, embed in enumerate(self.atoms):
            atoms = atoms + embed(batch.codes[:, k])
        for layer in self.layers:
            atoms = layer(atoms, batch)
        atoms = self.norm(atoms)
        count = int(batch.molecule.max()) + 1
        sizes = torch.bincount(batch.molecule, minlength=count)[:, None]
        mean = atoms.new_zeros(count, atoms.shape[1]).index_add(0, batch.molecule, atoms) / sizes
        a, i, j, b = (atoms[batch.torsions[:, k]] for k in range(4))
        read = [i + j, (i - j).abs(), a + b, (a - b).abs(), mean[batch.molecule[batch.torsions[:, 1]]]]
        told = (batch.by_class - LOG_PS)[:, None]
        out = self.head(torch.cat([*read, batch.facts, batch.conditions, told], dim=1))
        spread = LEAST_SPREAD + nn.functional.softplus(out[:, 1])
        shape = MOST_SHAPE * torch.sigmoid(out[:, 3] - 1.0) + 0.05
        return batch.by_class + out[:, 0], spread, batch.by_class + out[:, 2], shape


def loss(
    found: tuple[Tensor, Tensor, Tensor, Tensor], log_ps: Tensor, censored: Tensor, jumps: Tensor, exposure_ps: Tensor
) -> tuple[Tensor, Tensor]:
    """Negative logarithms of the likelihoods of times and of jumps, of each torsion [K].

    Parameters
    ----------
    found : of `TorsionClock.forward`
    log_ps : float [K]
        Logarithm of t, or of the bound where it is `censored`.
    censored : bool [K]
    jumps, exposure_ps : float [K]
        N and E.
    """
    middle, spread, log_tau, shape = found
    noise = NOISE_FLOOR**2 + NOISE_OF_JUMPS / (jumps + 1.0)
    wide = (spread**2 + torch.where(censored, torch.zeros_like(noise), noise)).sqrt() * (math.sqrt(3) / math.pi)
    away = (log_ps - middle) / wide
    beyond = nn.functional.softplus(away)
    of_time = torch.where(censored, beyond, beyond + nn.functional.softplus(-away) + wide.log())
    log_mean = (exposure_ps.clamp(min=1e-6)).log() - log_tau
    of_jumps = -(
        torch.lgamma(jumps + shape) - torch.lgamma(shape) - torch.lgamma(jumps + 1.0)
        + shape * (shape.log() - torch.logaddexp(shape.log(), log_mean))
        + jumps * (log_mean - torch.logaddexp(shape.log(), log_mean))
    )  # fmt: skip
    return of_time, of_jumps


class ClockEnsemble:
    """Some networks trained from different seeds; what they say together.

    Parameters
    ----------
    networks : sequence of TorsionClock
    table : TorsionTimes
        Of the data that they were trained on.
    stretch : float
        Factor of the spreads, fitted on molecules that were not trained on.
    facts : dict
        What they were trained on.
    """

    def __init__(
        self,
        networks: Sequence[TorsionClock],
        table: TorsionTimes,
        stretch: float = 1.0,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.networks, self.table = [each.eval() for each in networks], table
        self.stretch, self.facts = stretch, facts or {}

    @torch.no_grad()
    def of_batch(self, batch: ClockBatch) -> ClockTimes:
        """Times of every torsion of a batch: means of logarithms; what networks disagree by is added to the spread."""
        found = [network(batch) for network in self.networks]
        middle, spread, tau, shape = (torch.stack(each).double().numpy() for each in zip(*found, strict=True))
        wide = np.sqrt((spread**2).mean(axis=0) + middle.var(axis=0)) * self.stretch
        # a gamma with the shape a has about 1 / a of variance in its logarithm; disagreement is added to that
        among = 1 / (1 / shape.mean(axis=0) + tau.var(axis=0))
        return ClockTimes(np.exp(middle.mean(axis=0)), wide, np.exp(tau.mean(axis=0)), among)

    def of_molecule(self, molecule: Molecule, friction_per_ps: float = 1.0, temperature_K: float = 300.0) -> ClockTimes:
        """Times of each of the molecule's `torsion_quadruples`; InputError for an element that it does not know."""
        graph = torsion_graph(molecule)
        if not len(graph.torsions):
            return ClockTimes(*(np.zeros(0) for _ in range(4)))
        by_class = np.log(self.table.of_torsions(molecule))
        return self.of_batch(collate([graph], [(friction_per_ps, temperature_K)], [by_class]))

    def save(self, folder: Path) -> None:
        """Write `clock.safetensors`, half precision, and `clock.json`."""
        from safetensors.torch import save

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"{k}.{name}": value.half().contiguous()
            for k, network in enumerate(self.networks)
            for name, value in network.state_dict().items()
        }
        with atomic_path(folder / WEIGHTS) as temporary:
            temporary.write_bytes(save(tensors))
        settings = {
            "networks": [each.config for each in self.networks],
            "stretch": self.stretch,
            **self.facts,
            "sums": {key: [round(total, 3), count] for key, (total, count) in sorted(self.table.sums.items())},
        }
        write_json(folder / SETTINGS, settings)


def read_clock(folder: Path) -> ClockEnsemble:
    """Of a folder that `ClockEnsemble.save` wrote.

    Raises
    ------
    InputError
        When it is none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        facts = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
        networks = []
        for k, config in enumerate(facts.pop("networks")):
            network = TorsionClock(**config)
            own = {name.split(".", 1)[1]: value.float() for name, value in tensors.items() if name.startswith(f"{k}.")}
            network.load_state_dict(own)
            networks.append(network)
        table = TorsionTimes({key: (float(total), int(count)) for key, (total, count) in facts.pop("sums").items()})
        return ClockEnsemble(networks, table, float(facts.pop("stretch")), facts)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise InputError(f"'{folder}' holds no learned clock; make one with benchmarks/clock_train.py.") from error
