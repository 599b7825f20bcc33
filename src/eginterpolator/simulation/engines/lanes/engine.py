"""Replicas of one molecule in lanes: positions in, dynamics, frames and energies out."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from eginterpolator.simulation.engines.lanes.library import library, widths
from eginterpolator.simulation.engines.lanes.system import LaneSystem

BOLTZMANN = 8.31446261815324e-3
"""kJ mol^-1 K^-1."""
TERMS = ("bond", "angle", "torsion", "pair", "born", "surface")
_ALIGNMENT = 64
_LANE_ARRAYS = ("x", "v", "f", "sum", "born", "inverse_born", "slope", "g", "scratch", "energy", "drift", "random")


class CState(ctypes.Structure):
    """`State` of system.h."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in _LANE_ARRAYS),
        ("steps", ctypes.c_int64),
        ("unconverged", ctypes.c_int64),
        ("current", ctypes.c_int64),
    ]


class Lanes:
    """As many replicas of a molecule as a register has lanes. Not for several threads at once.

    Parameters
    ----------
    system : LaneSystem
    width : int, optional
        Lanes; by default the most that the processor has.

    Raises
    ------
    InputError
        When the processor has no such registers, or the library cannot be compiled.
    """

    def __init__(self, system: LaneSystem, width: int | None = None) -> None:
        self.width = width or max(widths(), default=4)
        self._library = library(self.width)
        self.system = system
        self._system = system.structure()
        n = system.n_atoms
        sizes = {
            "x": 3 * n,
            "v": 3 * n,
            "f": 3 * n,
            "scratch": 4 * system.n_pairs,
            "energy": 6,
            "drift": 3,
            "random": 4,
        }
        self._arrays = {name: _aligned(sizes.get(name, n), self.width) for name in _LANE_ARRAYS}
        self._work = _aligned(3 * n, self.width)
        self._state = CState(**{name: array.ctypes.data for name, array in self._arrays.items()})
        self.seed_lanes(range(self.width))

    @property
    def unconverged(self) -> int:
        """Constraints that were not met within the iterations, since the start."""
        return int(self._state.unconverged)

    @property
    def positions_nm(self) -> np.ndarray:
        """Float32 [width, n_atoms, 3], nm."""
        return self._by_lane("x")

    @positions_nm.setter
    def positions_nm(self, positions: np.ndarray) -> None:
        self._arrays["x"][:] = np.asarray(positions, dtype=np.float32).reshape(self.width, -1).T
        self._state.current = 0

    @property
    def velocities_nm_ps(self) -> np.ndarray:
        """Float32 [width, n_atoms, 3], nm/ps."""
        return self._by_lane("v")

    @property
    def potential_kj(self) -> np.ndarray:
        """Potential energy of the last positions, float64 [width], kJ/mol."""
        return np.asarray(self._arrays["energy"].astype(np.float64).sum(axis=0))

    def seed_lanes(self, seeds: Sequence[int]) -> None:
        """Give each lane the random sequence of its seed, [width]."""
        words = [np.random.SeedSequence(seed).generate_state(4, np.uint32) for seed in seeds]
        self._arrays["random"].view(np.uint32)[:] = np.array(words).T

    def settle(self) -> None:
        """Put hydrogens onto their fixed distances, and the centre of mass at the origin."""
        self._library.lanes_settle(ctypes.byref(self._system), ctypes.byref(self._state))

    def draw_velocities(self, temperature_K: float | np.ndarray) -> None:
        """Velocities of the Maxwell-Boltzmann distribution; a temperature, or one for each lane."""
        kT = self._each(BOLTZMANN * np.asarray(temperature_K, dtype=np.float64))
        self._library.lanes_velocities(ctypes.byref(self._system), ctypes.byref(self._state), _address(kT))

    def scale_velocities(self, factor: np.ndarray) -> None:
        """Multiply the velocities of each lane by its factor, [width]."""
        for name in ("v", "drift"):
            self._arrays[name] *= np.asarray(factor, dtype=np.float32)

    def stop(self) -> None:
        """Set all velocities to zero."""
        for name in ("v", "drift"):
            self._arrays[name][:] = 0.0

    def run(
        self,
        steps: int,
        temperature_K: float | np.ndarray,
        friction_per_ps: float | np.ndarray,
        timestep_fs: float,
        cap_nm_ps: float = 0.0,
    ) -> None:
        """Integrate `steps` steps by LangevinMiddle.

        Parameters
        ----------
        temperature_K, friction_per_ps : float or [width]
            For all lanes, or for each. At temperature 0 there is no noise.
        timestep_fs : float
        cap_nm_ps : float
            Largest speed, and change of speed in a step; 0 for none. For starts far from a minimum.
        """
        dt = timestep_fs * 1e-3
        keep = np.exp(-dt * np.asarray(friction_per_ps, dtype=np.float64))
        noise = np.sqrt(BOLTZMANN * np.asarray(temperature_K, dtype=np.float64) * (1 - keep**2))
        kick = _kick(self.width)
        kick["dt"], kick["keep"], kick["noise"], kick["cap"] = dt, self._each(keep), self._each(noise), cap_nm_ps
        self._library.lanes_run(
            ctypes.byref(self._system), ctypes.byref(self._state), _address(kick), ctypes.c_int64(steps)
        )

    def evaluate(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Forces float32 [width, n_atoms, 3] in kJ/mol/nm, and energies [width] in kJ/mol by term."""
        self._library.lanes_forces(ctypes.byref(self._system), ctypes.byref(self._state), 1)
        return self._by_lane("f"), {name: self._arrays["energy"][k].copy() for k, name in enumerate(TERMS)}

    def temperature_K(self) -> np.ndarray:
        """Instantaneous temperature of each lane, float64 [width]."""
        kinetic = np.empty(self.width, dtype=np.float32)
        self._library.lanes_kinetic(
            ctypes.byref(self._system), ctypes.byref(self._state), _address(self._work), _address(kinetic)
        )
        return np.asarray(2 * kinetic.astype(np.float64) / (self.system.n_freedom * BOLTZMANN))

    def normal_numbers(self, pairs: int) -> np.ndarray:
        """Normal numbers as the thermostat draws them, float32 [2 * pairs, width]."""
        out = np.empty((2 * pairs, self.width), dtype=np.float32)
        self._library.lanes_normal(ctypes.byref(self._state), _address(out), ctypes.c_int64(pairs))
        return out

    def _each(self, values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(values, self.width), dtype=np.float32)

    def _by_lane(self, name: str) -> np.ndarray:
        return np.ascontiguousarray(self._arrays[name].T).reshape(self.width, -1, 3)


def _aligned(rows: int, width: int) -> np.ndarray:
    """Float32 zeros [rows, width] whose first byte stands where the library's vectors must."""
    size = 4 * max(rows, 1) * width
    raw = np.zeros(size + _ALIGNMENT, dtype=np.uint8)
    first = -raw.ctypes.data % _ALIGNMENT
    return raw[first : first + size].view(np.float32).reshape(-1, width)


def _kick(width: int) -> np.ndarray:
    """`Kick` of dynamics.h: vectors are aligned to their own size."""
    size = 4 * width
    fields = {
        "dt": ("<f4", 0),
        "keep": (("<f4", width), size),
        "noise": (("<f4", width), 2 * size),
        "cap": ("<f4", 3 * size),
    }
    dtype = np.dtype(
        {
            "names": list(fields),
            "formats": [form for form, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": 4 * size,
        }
    )
    raw = _aligned(4, width)
    return raw.reshape(-1).view(np.uint8).view(dtype)[0:1]


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
