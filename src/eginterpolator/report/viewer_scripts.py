"""Scripts that open written trajectories in PyMOL (.pml) and in VMD (.tcl)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

PYMOL = ("sdf", "pdb", "dcd", "xtc", "gro", "xyz", "npz")
VMD = ("pdb", "dcd", "xtc", "gro", "xyz")
"""Formats that the programs read, without dots; NPZ by way of PyMOL's own Python."""
WITH_TOPOLOGY = ("dcd", "xtc", "npz")
"""Formats whose files do not say what their atoms are."""


def pymol_script(files: Sequence[str], molecule: str, name: str) -> str | None:
    """A script for PyMOL that loads files as the states of one object each; None where PyMOL reads none of them.

    Parameters
    ----------
    files : sequence of str
        File names of one format, in the folder of the script.
    molecule : str
        The SDF of the molecule there: atoms and bond orders of the formats that have none.
    name : str
        Of the molecule; objects are called after it.
    """
    kind = _suffix(files)
    if kind not in PYMOL:
        return None
    objects = [_object(name, k, len(files)) for k in range(len(files))]
    lines = [f"# {name}. In PyMOL: File > Open, or from the folder of this file: pymol SCRIPT.pml"]
    for each, file in zip(objects, files, strict=True):
        if kind == "npz":
            lines += [
                f"load {molecule}, {each}",
                "python",
                "import numpy",
                f'for k, frame in enumerate(numpy.load("{file}")["positions"]):',
                f'    cmd.load_coordset(frame.tolist(), "{each}", k + 1)',
                "python end",
            ]
        elif kind in WITH_TOPOLOGY:
            lines += [f"load {molecule}, {each}", f"load_traj {file}, {each}, state=1"]
        else:
            lines += [f"load {file}, {each}, discrete=0"]  # records of an SDF would be atoms of their own
    lines += ["hide everything", "show sticks", "set stick_radius, 0.12", "set all_states, off", "orient"]
    lines += [f"disable {each}" for each in objects[1:]]
    return "\n".join([*lines, ""])


def vmd_script(files: Sequence[str], topology: str, name: str) -> str | None:
    """A script for VMD that loads files as one molecule each; None where VMD reads none of them.

    `topology` is the PDB of the atoms beside the script; the others are as in `pymol_script`.
    """
    kind = _suffix(files)
    if kind not in VMD:
        return None
    lines = [f"# {name}. Run it by: vmd -e SCRIPT.tcl", "set here [file dirname [file normalize [info script]]]"]
    for k, file in enumerate(files):
        if kind in WITH_TOPOLOGY:
            lines += [
                f"mol new [file join $here {{{topology}}}] type pdb waitfor all",
                "animate delete all",
                f"mol addfile [file join $here {{{file}}}] type {kind} waitfor all",
            ]
        else:
            lines += [f"mol new [file join $here {{{file}}}] type {kind} waitfor all"]
        lines += [f"mol rename top {_object(name, k, len(files))}", "mol modstyle 0 top Licorice 0.12 12 12"]
        lines += ["mol off top"] if k else []
    return "\n".join([*lines, "display resetview", ""])


def _suffix(files: Sequence[str]) -> str:
    return Path(files[0]).suffix[1:]


def _object(name: str, number: int, count: int) -> str:
    """A name of letters, digits and underscores, which both programs take."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "molecule"
    return plain if count == 1 else f"{plain}_{number:03d}"
