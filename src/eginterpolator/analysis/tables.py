"""Wells and states as tables and files: `torsions.csv`, `states.csv`, `states.sdf` (docs/populations.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.analysis.states import State, States, find_states
from eginterpolator.analysis.wells import Torsion, angles_of, find_wells
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.io import write_text
from eginterpolator.files.notebook import Table
from eginterpolator.files.sdf import write_records
from eginterpolator.files.trajectory import Trajectory

TORSIONS = (
    "torsion", "atoms", "bond", "symmetry", "well", "angle_degrees", "share", "share_low", "share_high", "frames",
    "transitions", "time_ps", "time_over_ps", "interval_from",
)  # fmt: skip
STATES = (
    "state", "wells", "population", "population_low", "population_high", "lifetime_ps", "lifetime_low_ps",
    "lifetime_high_ps", "median_stay_ps", "stays", "censored_stays", "exits", "frames", "sample", "frame", "time_ps",
    "interval_from",
)  # fmt: skip


@dataclass(frozen=True)
class Populations:
    """Wells and states of a molecule's trajectories.

    Attributes
    ----------
    molecule : Molecule
    torsions : list of Torsion
    states : States
    """

    molecule: Molecule
    torsions: list[Torsion]
    states: States

    @classmethod
    def of(
        cls, molecule: Molecule, positions: Sequence[np.ndarray], frame_ps: float, like: Populations | None = None
    ) -> Populations:
        """Of trajectories [T, N, 3] in Å, with frames `frame_ps` apart.

        With `like` wells, their names and the torsions that make up a state are those of another run.
        """
        angles = angles_of(molecule, positions)
        torsions = find_wells(molecule, angles, frame_ps, like.torsions if like else None)
        chosen = like.states.torsions if like else None
        return cls(molecule, torsions, find_states(molecule, torsions, angles, positions, frame_ps, chosen))

    @classmethod
    def of_trajectories(cls, trajectories: Sequence[Trajectory]) -> Populations:
        """Of trajectories of one molecule and one frame spacing."""
        first = trajectories[0]
        return cls.of(first.molecule, [x.positions for x in trajectories], first.frame_ps)

    def torsion_table(self) -> Table:
        """A row a well: the columns of `torsions.csv`."""
        rows = [row for number, torsion in enumerate(self.torsions, 1) for row in _wells(number, torsion)]
        return Table(TORSIONS, rows, "Shares of frames with 95 % intervals; times are where the memory falls to 1/e.")

    def state_table(self) -> Table:
        """A row a state: the columns of `states.csv`."""
        rows = [self._state(row) for row in self.states.rows]
        return Table(STATES, rows, f"{self.made_of()} Populations and mean lifetimes with 95 % intervals.")

    def made_of(self) -> str:
        """A sentence that says what a state is."""
        used, slow = self.states.torsions, self.states.slow
        if not used:
            return "No torsion with several wells remembers for longer than 10 ps, so that there is one state."
        which = ", ".join(f"{k + 1} ({self.torsions[k].label})" for k in used)
        left = len(set(slow) - set(used))
        more = f"; {left} more slow ones follow from these or are faster" if left else ""
        return f"Joint wells of torsion{'s' if len(used) > 1 else ''} {which}{more}."

    def well_text(self, state: State) -> str:
        """The wells of a state with their torsions: 'C1-C2-C3-C4 trans; ...'."""
        if state.name == "rest":
            return "states that are not listed"
        pairs = zip(self.states.torsions, state.wells, strict=True)
        return "; ".join(f"{_plain(self.torsions[k].label)} {well}" for k, well in pairs) or "all frames"

    def _state(self, state: State) -> dict[str, Any]:
        shown = state.sample >= 0
        lived = state.stays > 0
        return {
            "state": state.name,
            "wells": self.well_text(state),
            "population": state.population,
            "population_low": state.low,
            "population_high": state.high,
            "lifetime_ps": state.lifetime_ps,
            "lifetime_low_ps": state.lifetime_low_ps,
            "lifetime_high_ps": state.lifetime_high_ps,
            "median_stay_ps": state.median_stay_ps,
            "stays": state.stays if lived else None,
            "censored_stays": state.censored if lived else None,
            "exits": state.exits if lived else None,
            "frames": state.frames,
            "sample": state.sample if shown else None,
            "frame": state.frame if shown else None,
            "time_ps": state.frame * self.states.frame_ps if shown else None,
            "interval_from": self.states.groups,
        }


def write_populations(folder: Path, trajectories: Sequence[Trajectory]) -> None:
    """Write `torsions.csv`, `states.csv` and `states.sdf` of a molecule's trajectories into its folder."""
    found = Populations.of_trajectories(trajectories)
    write_text(folder / "torsions.csv", found.torsion_table().to_csv())
    table = found.state_table()
    write_text(folder / "states.csv", table.to_csv())
    shown = [row for row in table.rows if row["sample"] is not None]
    write_representatives(folder / "states.sdf", trajectories, shown, "state")


def write_representatives(
    path: Path, trajectories: Sequence[Trajectory], rows: Sequence[Mapping[str, Any]], title: str
) -> None:
    """An SDF of the frames `sample`, `frame` of the rows, whose values are properties; `title` names the record."""
    molecule = trajectories[0].molecule
    positions = np.stack([trajectories[row["sample"]].positions[row["frame"]] for row in rows])
    properties = [row_properties(row) for row in rows]
    names = [f"{molecule.name} {row[title]}" for row in rows]
    write_records(path, molecule, positions, names, properties)


def trajectory_torsions(trajectory: Trajectory) -> Table:
    """See `Trajectory.torsions`."""
    return Populations.of_trajectories([trajectory]).torsion_table()


def trajectory_states(trajectory: Trajectory) -> Table:
    """See `Trajectory.states`."""
    return Populations.of_trajectories([trajectory]).state_table()


def _wells(number: int, torsion: Torsion) -> list[dict[str, Any]]:
    known = np.isfinite(torsion.time_ps)
    several = torsion.n_wells > 1 or known
    return [
        {
            "torsion": number,
            "atoms": _plain(torsion.label),
            "bond": torsion.kind,
            "symmetry": torsion.fold,
            "well": torsion.names[w],
            "angle_degrees": round(float(torsion.degrees[w]), 1),
            "share": float(torsion.shares[w, 0]),
            "share_low": float(torsion.shares[w, 1]),
            "share_high": float(torsion.shares[w, 2]),
            "frames": int(torsion.frames[w]),
            "transitions": torsion.transitions,
            "time_ps": float(torsion.time_ps) if known else None,
            "time_over_ps": torsion.bound_ps if several and not known and torsion.bound_ps else None,
            "interval_from": torsion.groups,
        }
        for w in range(torsion.n_wells)
    ]


def _plain(label: str) -> str:
    return label.replace("–", "-")


def row_properties(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of a table as properties of an SDF record, what is not known left out."""
    return {key: text for key, value in row.items() if (text := _text(value))}


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
