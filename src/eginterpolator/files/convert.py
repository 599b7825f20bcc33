"""Trajectories to other libraries' objects and to files, and back. Reached through `Trajectory`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.sdf_records import sdf_records
from eginterpolator.chemistry.text import read_text
from eginterpolator.errors import InputError
from eginterpolator.files.frame_files import Frames, frame_spacing, imported, read_frames
from eginterpolator.files.io import ascii_path, atomic_path
from eginterpolator.files.pdb import Elements, load_pdb, named_elements
from eginterpolator.files.sdf import sdf_molecule
from eginterpolator.files.structures import read_structures, read_xyz

if TYPE_CHECKING:
    import ase
    import MDAnalysis
    import mdtraj

    from eginterpolator.files.trajectory import Trajectory

RESIDUE = "LIG"
"""Name of the one residue in topologies."""
SUFFIXES = (".xtc", ".dcd", ".pdb", ".sdf", ".gro", ".xyz", ".h5", ".npz")
BINARY = (".xtc", ".trr", ".dcd", ".nc", ".netcdf", ".ncdf")
"""What is read by `read_frames`: coordinates and times, without elements."""


def atom_names(trajectory: Trajectory) -> list[str]:
    """Unique names of at most four characters: C1, C2, H1 ..."""
    counts: dict[str, int] = {}
    names: list[str] = []
    for atom in trajectory.frame_mol.GetAtoms():
        symbol = atom.GetSymbol()
        counts[symbol] = counts.get(symbol, 0) + 1
        names.append(f"{symbol}{counts[symbol]}"[:4] if counts[symbol] < 10 ** (4 - len(symbol)) else f"X{len(names)}")
    return names


def to_mdtraj(trajectory: Trajectory) -> mdtraj.Trajectory:
    """See `Trajectory.to_mdtraj`."""
    import mdtraj

    orders = {1.0: "Single", 2.0: "Double", 3.0: "Triple", 1.5: "Aromatic"}
    mol = trajectory.frame_mol
    topology = mdtraj.Topology()
    residue = topology.add_residue(RESIDUE, topology.add_chain(), resSeq=1)
    for atom, name in zip(mol.GetAtoms(), atom_names(trajectory), strict=True):
        topology.add_atom(name, mdtraj.element.Element.getBySymbol(atom.GetSymbol()), residue)
    atoms = list(topology.atoms)
    for bond in mol.GetBonds():
        kind = getattr(mdtraj.core.topology, orders.get(bond.GetBondTypeAsDouble(), ""), None)
        order = int(bond.GetBondTypeAsDouble()) if not bond.GetIsAromatic() else None
        topology.add_bond(atoms[bond.GetBeginAtomIdx()], atoms[bond.GetEndAtomIdx()], type=kind, order=order)
    return mdtraj.Trajectory(trajectory.positions / np.float32(10.0), topology, time=trajectory.times_ps)


def to_mdanalysis(trajectory: Trajectory) -> MDAnalysis.Universe:
    """See `Trajectory.to_mdanalysis`."""
    MDAnalysis = imported("MDAnalysis")
    from MDAnalysis.coordinates.memory import MemoryReader

    mol = trajectory.frame_mol
    universe = MDAnalysis.Universe.empty(mol.GetNumAtoms(), n_residues=1, atom_resindex=[0] * mol.GetNumAtoms())
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    per_atom = {"names": atom_names(trajectory), "types": symbols, "elements": symbols}
    for key, values in per_atom.items():
        universe.add_TopologyAttr(key, values)
    universe.add_TopologyAttr("masses", [atom.GetMass() for atom in mol.GetAtoms()])
    universe.add_TopologyAttr("resnames", [RESIDUE])
    universe.add_TopologyAttr("resids", [1])
    universe.add_TopologyAttr("bonds", [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()])
    universe.load_new(trajectory.positions.copy(), format=MemoryReader, order="fac", dt=trajectory.frame_ps)
    return universe


def to_ase(trajectory: Trajectory) -> list[ase.Atoms]:
    """See `Trajectory.to_ase`."""
    atoms = imported("ase").Atoms
    numbers = [atom.GetAtomicNum() for atom in trajectory.frame_mol.GetAtoms()]
    smiles = trajectory.molecule.smiles
    return [
        atoms(numbers=numbers, positions=frame, info={"time_ps": float(time), "smiles": smiles})
        for time, frame in zip(trajectory.times_ps, trajectory.positions.astype(np.float64), strict=True)
    ]


def save(trajectory: Trajectory, path: str | os.PathLike[str]) -> None:
    """See `Trajectory.save`."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"'{path.name}' has no known suffix; use one of {', '.join(SUFFIXES)}.")
    bad = np.flatnonzero(~np.isfinite(trajectory.positions).all(axis=(1, 2)))
    if len(bad):
        raise InputError(f"Frame {bad[0]} of '{trajectory.molecule.name}' has coordinates that are not finite.")
    with atomic_path(path) as temporary:
        _WRITERS[suffix](trajectory, temporary)


def _write_xtc(trajectory: Trajectory, path: Path) -> None:
    from mdtraj.formats import XTCTrajectoryFile

    _in_range(trajectory, 2e7, "XTC")  # it counts hundredths of an Å in 32 bits, and beyond that no one can read it
    steps = np.arange(trajectory.n_frames, dtype=np.int32)
    with ascii_path(path) as plain, XTCTrajectoryFile(str(plain), "w") as stream:
        stream.write(
            trajectory.positions / np.float32(10.0),
            time=trajectory.times_ps.astype(np.float32),
            step=steps,
            box=np.zeros((trajectory.n_frames, 3, 3), dtype=np.float32),
        )


def _in_range(trajectory: Trajectory, limit: float, what: str) -> None:
    """InputError where a coordinate is further from 0 than a format can write, `limit` in Å."""
    far = np.flatnonzero(np.abs(trajectory.positions).max(axis=(1, 2)) > limit)
    if len(far):
        raise InputError(
            f"Frame {far[0]} of '{trajectory.molecule.name}' has an atom further than {limit:g} Å from the origin, out "
            f"of {what}'s range: save it as .npz, or find out why it came apart."
        )


def _write_dcd(trajectory: Trajectory, path: Path) -> None:
    with ascii_path(path) as plain:
        to_mdtraj(trajectory).save_dcd(str(plain))


def _write_pdb(trajectory: Trajectory, path: Path) -> None:
    """Frames as models, CONECT records once a bond; an atom out of the columns' range shifts all frames together."""
    positions = trajectory.positions.astype(np.float64)
    if positions.min() < -999.0 or positions.max() > 9999.0:
        positions = positions - positions[0].mean(axis=0)
    mol, names = trajectory.frame_mol, atom_names(trajectory)
    lines = []
    for k, frame in enumerate(positions):
        lines.append(f"MODEL     {k + 1:4d}")
        for atom, name, (x, y, z) in zip(mol.GetAtoms(), names, frame, strict=True):
            label = f"{name:<4}" if len(name) == 4 or len(atom.GetSymbol()) == 2 else f" {name:<3}"
            charge = atom.GetFormalCharge()
            sign = f"{abs(charge)}{'+' if charge > 0 else '-'}" if charge else ""
            lines.append(
                f"HETATM{atom.GetIdx() + 1:5d} {label} {RESIDUE} A   1    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
                f"          {atom.GetSymbol().upper():>2}{sign:<2}"
            )
        lines.append("ENDMDL")
    for atom in mol.GetAtoms():
        others = sorted(other.GetIdx() + 1 for other in atom.GetNeighbors())
        for first in range(0, len(others), 4):
            row = "".join(f"{other:5d}" for other in others[first : first + 4])
            lines.append(f"CONECT{atom.GetIdx() + 1:5d}{row}")
    if len(positions) == 1:
        lines = [line for line in lines if not line.startswith(("MODEL", "ENDMDL"))]
    path.write_text("\n".join([*lines, "END", ""]), encoding="utf-8")


def _write_sdf(trajectory: Trajectory, path: Path) -> None:
    from rdkit import Chem

    mol = trajectory.to_rdkit()
    for key, text in trajectory.molecule.named.items():
        mol.SetProp(key, text)
    with ascii_path(path) as plain, Chem.SDWriter(str(plain)) as writer:
        for k, time in enumerate(trajectory.times_ps):
            mol.SetProp("time_ps", f"{time:.6g}")
            writer.write(mol, confId=k)


def _write_gro(trajectory: Trajectory, path: Path) -> None:
    """Frames one after the other, nm with three decimals, without a box."""
    from mdtraj.formats import GroTrajectoryFile

    _in_range(trajectory, 9e3, "GRO")  # columns of eight
    frames = to_mdtraj(trajectory)
    with ascii_path(path) as plain, GroTrajectoryFile(str(plain), "w") as stream:
        stream.write(frames.xyz, frames.topology, np.asarray(frames.time, dtype=np.float64).round(6))


def _write_xyz(trajectory: Trajectory, path: Path) -> None:
    symbols = [atom.GetSymbol() for atom in trajectory.frame_mol.GetAtoms()]
    with open(path, "w", encoding="utf-8") as stream:
        for time, frame in zip(trajectory.times_ps, trajectory.positions, strict=True):
            stream.write(f'{len(symbols)}\ntime_ps={time:.6f} smiles="{trajectory.molecule.smiles}"\n')
            stream.writelines(
                f"{symbol:<2} {x:14.6f} {y:14.6f} {z:14.6f}\n" for symbol, (x, y, z) in zip(symbols, frame, strict=True)
            )


def _write_h5(trajectory: Trajectory, path: Path) -> None:
    """MDTraj's HDF5 convention 1.1 (mdtraj.org, "MDTraj HDF5 Format Specification"), written without PyTables."""
    import h5py

    names = atom_names(trajectory)
    mol = trajectory.frame_mol
    atoms = [{"index": a.GetIdx(), "name": names[a.GetIdx()], "element": a.GetSymbol()} for a in mol.GetAtoms()]
    residue = {"index": 0, "resSeq": 1, "name": RESIDUE, "segmentID": "", "atoms": atoms}
    bonds = [[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in mol.GetBonds()]
    topology = json.dumps({"chains": [{"index": 0, "residues": [residue]}], "bonds": bonds})
    with h5py.File(path, "w") as file:
        for key, text in (("conventions", "Pande"), ("conventionVersion", "1.1"), ("program", "eginterpolator")):
            file.attrs[key] = np.bytes_(text)
        file.attrs["title"] = np.bytes_(trajectory.molecule.smiles)
        file["coordinates"] = trajectory.positions / np.float32(10.0)
        file["coordinates"].attrs["units"] = np.bytes_("nanometers")
        file["time"] = trajectory.times_ps.astype(np.float32)
        file["time"].attrs["units"] = np.bytes_("picoseconds")
        file["topology"] = np.array([topology.encode()])


def _write_npz(trajectory: Trajectory, path: Path) -> None:
    numbers = [atom.GetAtomicNum() for atom in trajectory.frame_mol.GetAtoms()]
    np.savez_compressed(
        path, positions=trajectory.positions, frame_ps=trajectory.frame_ps, atomic_numbers=np.array(numbers),
        smiles=np.array(trajectory.molecule.smiles),
    )  # fmt: skip


_WRITERS = {
    ".xtc": _write_xtc, ".dcd": _write_dcd, ".pdb": _write_pdb, ".sdf": _write_sdf, ".gro": _write_gro,
    ".xyz": _write_xyz, ".h5": _write_h5, ".npz": _write_npz,
}  # fmt: skip


def load(
    path: str | os.PathLike[str], molecule: Molecule | str | os.PathLike[str], frame_ps: float | None
) -> tuple[Molecule, np.ndarray, float]:
    """Molecule, positions [T, N, 3] in Å and the spacing of the frames in ps; see `Trajectory.load`."""
    path = Path(path)
    suffix = path.suffix.lower()
    readable = dict.fromkeys((*SUFFIXES, *BINARY))
    if suffix not in readable:
        raise InputError(f"'{path.name}' has no known suffix; use one of {', '.join(readable)}.")
    if not path.is_file() or path.stat().st_size == 0:
        raise InputError(f"The file '{path}' is {'empty' if path.is_file() else 'missing'}.")
    order = None
    if not isinstance(molecule, Molecule):
        molecule, order = sdf_molecule(molecule)
    try:
        positions, times, elements = (_read_binary if suffix in BINARY else _READERS[suffix])(path, molecule)
    except InputError:
        raise
    except Exception as error:  # every reader has errors of its own for a broken file
        raise InputError(f"'{path}' is damaged and cannot be read ({_first_line(error)}).") from error
    if positions.ndim != 3 or not len(positions):
        raise InputError(f"'{path}' holds no frame.")
    expected = (len(order),) if order is not None else (molecule.n_atoms, molecule.n_heavy)
    if positions.shape[1] not in expected:
        raise InputError(f"'{path}' has {positions.shape[1]} atoms, and its molecule {expected[0]}.")
    rows = np.arange(positions.shape[1]) if order is None else order
    if elements is not None and any(
        int(z) not in elements[k] for k, z in zip(rows, molecule.atomic_numbers, strict=False)
    ):
        raise InputError(f"'{path}' has other elements than '{molecule.smiles}', or another order of atoms.")
    spacing = frame_spacing(path, Frames(positions, times), frame_ps)
    return molecule, positions[:, rows], spacing


Read = tuple[np.ndarray, np.ndarray | None, Elements | None]


def _read_binary(path: Path, molecule: Molecule) -> Read:
    frames = read_frames(path)
    return frames.positions, frames.times_ps, None


def _read_pdb(path: Path, molecule: Molecule) -> Read:
    frames, elements = load_pdb(path)
    return frames.xyz * 10.0, None, elements


def _read_gro(path: Path, molecule: Molecule) -> Read:
    frames = read_frames(path)
    lines = read_text(path).splitlines()[2 : 2 + frames.positions.shape[1]]
    return frames.positions, frames.times_ps, [named_elements(line[10:15], len(lines)) for line in lines]


def _read_sdf(path: Path, molecule: Molecule) -> Read:
    records = list(sdf_records(path, sanitize=False))
    found = read_structures(path)
    times = [float(r.mol.GetProp("time_ps")) for r in records if r.mol is not None and r.mol.HasProp("time_ps")]
    return found.frames, np.array(times) if len(times) == len(records) else None, found.elements


def _read_xyz(path: Path, molecule: Molecule) -> Read:
    positions, comments, elements = read_xyz(path)
    times = [line.split("time_ps=")[1].split()[0] for line in comments if "time_ps=" in line]
    return positions, np.array(times, dtype=np.float64) if len(times) == len(positions) else None, elements


def _read_h5(path: Path, molecule: Molecule) -> Read:
    import h5py

    with h5py.File(path) as file:
        described = "topology" in file
    frames = read_frames(path)
    return frames.positions, frames.times_ps, read_structures(path).elements if described else None


def _read_npz(path: Path, molecule: Molecule) -> Read:
    with np.load(path, allow_pickle=False) as data:
        positions = data["positions"]
        elements = [(int(z),) for z in data["atomic_numbers"]] if "atomic_numbers" in data else None
        times = np.arange(len(positions)) * float(data["frame_ps"]) if "frame_ps" in data else None
    return positions, times, elements


_READERS = {
    ".pdb": _read_pdb, ".sdf": _read_sdf, ".gro": _read_gro, ".xyz": _read_xyz, ".h5": _read_h5, ".npz": _read_npz,
}  # fmt: skip


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
