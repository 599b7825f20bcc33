"""Simulations in explicit water, packed for the repository.

    python benchmarks/pack_water.py [FOLDER_OR_FILE ...] --out datasets/water/water.h5
    python benchmarks/pack_water.py [FOLDER_OR_FILE ...] --test --out datasets/water/test.h5

A FOLDER holds molecule folders of `egi simulate --protocol explicit`, or of `../shared/tools/water_md.py`; a file is
one that this script made. What `--out` holds already stays, as it was, also where its folder is gone. Of a name that
comes twice the first is taken: that of the file, then those of the sources in their order.

One group a molecule: `coordinates` int16 [replica, frame, heavy atom, 3] in multiples of `resolution` Å, each frame
centred on the mean of its heavy atoms; attributes smiles, molblock (heavy atoms in the order of the coordinates,
hydrogens implicit), frame_ps, ensemble, temperature_K, friction_per_ps, source, and the folder's meta data as JSON. A
manifest with counts and SHA-256 lies beside. Left out and named there, with the reason: what is not finished, is not in
explicit water, lost its density, its frames or its stereo, has a stereo that heavy atoms alone do not tell, or is a
molecule of the held-out lists. MIT licence, as the project.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rdkit import Chem

import bench
from eginterpolator.chemistry.identity import split_key
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.data.readers.water import PackedSimulations, read_group
from eginterpolator.data.splits import held_out_lists
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.io import atomic_path, sha256, write_json
from eginterpolator.files.trajectory import Trajectory

RESOLUTION = 0.002
"""Å: coordinates reach 65 Å from the centre."""
DENSITY = (0.95, 1.05)
"""g/ml that a box of TIP3P with a small solute has (TIP3P alone .98)."""
DEFAULTS = {"temperature_K": 300.0, "friction_per_ps": 1.0}
"""Of water_md.py, whose meta.json does not name both."""
UNFINISHED = "not finished"
TEST_LISTS = ("published_qm9", "published_drugs")
PROTOTYPE = "../shared/tools/water_md.py"
NOT_KEPT = ("ns_per_day", "steps_per_second", "seconds", "prepare_s", "atom_map", "ids")
"""What the meta data of a folder say of the run, not of the simulation."""


def source_of(meta: dict[str, Any]) -> str:
    """Which program made a molecule's simulation, with its version where it is known."""
    if not isinstance(meta.get("protocol"), dict):
        return f"{PROTOTYPE}, GROMACS"
    version = meta.get("versions", {}).get("eginterpolator", "unknown version")
    return f"egi simulate {version}, engine {meta.get('engine')}, {meta.get('platform')}"


def fault(molecule: Molecule, trajectories: Sequence[Trajectory], meta: dict[str, Any], test: bool) -> str:
    """Why a finished folder is not to be packed, among test references or others; empty where it is."""
    held_out = held_out_lists().get(split_key(molecule.smiles))
    if test and held_out not in TEST_LISTS:
        return "in none of the published test lists"
    if held_out and not test:
        return f"held out by the list {held_out}"
    ensemble = Conditions.of_meta(meta).ensemble
    if ensemble != "tip3p":
        return f"the ensemble is {ensemble}, not explicit water"
    if meta.get("waters", 1) < 1:
        return "there is no water in its box"
    density = meta.get("mean_density_g_ml")
    if density is not None and not DENSITY[0] <= density <= DENSITY[1]:
        return f"its density is {density:g} g/ml"
    if meta.get("stereo_retention", 1.0) < 1.0:
        return f"{1 - meta['stereo_retention']:.2%} of its frames are of another stereoisomer"
    counts, spacings = {each.n_frames for each in trajectories}, {round(each.frame_ps, 6) for each in trajectories}
    if len(counts) > 1 or len(spacings) > 1 or len(trajectories) != meta["replicas"]:
        return f"{len(trajectories)} of {meta['replicas']} replicas, with {sorted(counts)} frames"
    wanted = round(meta["ns"] * 1000 / spacings.pop())
    if abs(counts.pop() - wanted) > 1:
        return f"a replica has {trajectories[0].n_frames} frames, not {wanted}"
    if not all(np.isfinite(each.heavy).all() for each in trajectories):
        return "a coordinate is not finite"
    return ""


def pack(folder: Path, file: h5py.File, test: bool) -> str:
    """Write the molecule of a finished folder; returns why it was left out, or nothing."""
    molecule, trajectories, meta = read_molecule_folder(folder)
    reason = fault(molecule, trajectories, meta, test)
    if reason:
        return reason
    heavy = np.stack([trajectory.heavy for trajectory in trajectories]).astype(np.float64)
    heavy -= heavy.mean(axis=2, keepdims=True)
    steps = np.rint(heavy / RESOLUTION)
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        return "an atom is too far from the centre"
    group = file.create_group(folder.name)
    group.create_dataset(
        "coordinates", data=steps.astype(np.int16), compression="gzip", compression_opts=9, shuffle=True
    )
    known = {**DEFAULTS, **Conditions.of_meta(meta).to_meta()}
    group.attrs.update(
        {
            "resolution": RESOLUTION,
            "smiles": molecule.smiles,
            "molblock": Chem.MolToMolBlock(molecule.heavy_mol),
            "frame_ps": trajectories[0].frame_ps,
            "source": source_of(meta),
            "protocol": json.dumps({key: value for key, value in meta.items() if key not in NOT_KEPT}),
            **known,
        }
    )
    read, replicas, _ = read_group(group, folder.name)
    if not all(frame_stereo(read, replica.positions[:1])[0] for replica in replicas):
        del file[folder.name]
        return "heavy atoms alone do not tell its stereo"
    return ""


def copied(path: Path, file: h5py.File) -> None:
    """Copy the molecules of a packed file that are not there yet, each with its source."""
    with h5py.File(path, "r") as before:
        for name in PackedSimulations.open(path).names:
            if name in file:
                continue
            read_group(before[name], name)  # InputError where it is damaged
            before.copy(before[name], file, name=name)
            meta = json.loads(file[name].attrs["protocol"])
            file[name].attrs.setdefault("source", source_of(meta))


def folders_of(root: Path) -> Iterator[tuple[Path, bool]]:
    """Molecule folders below a root and whether each is finished; the hidden ones of runs under way under their names.

    Raises
    ------
    InputError
        When there is no such folder.
    """
    if not root.is_dir():
        raise InputError(f"There is no folder or file '{root}' of simulations.")
    for path in sorted(each for each in root.iterdir() if each.is_dir()):
        if not path.name.startswith("."):
            yield path, (path / "meta.json").is_file()
        elif ".replicas-" in path.name:
            yield path.with_name(path.name[1:].split(".replicas-")[0]), False


def facts(group: h5py.Group) -> dict[str, Any]:
    """What the manifest says of a packed molecule."""
    meta = json.loads(group.attrs["protocol"])
    replicas, frames = group["coordinates"].shape[:2]
    told = {key: meta.get(key) for key in ("waters", "mean_density_g_ml") if meta.get(key) is not None}
    return {
        "smiles": group.attrs["smiles"], "replicas": replicas, "frames": frames,
        "frame_ps": float(group.attrs["frame_ps"]), **told, "source": group.attrs["source"],
    }  # fmt: skip


def main() -> None:
    """Pack and write the manifest."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("sources", type=Path, nargs="*", help="folders with a folder a molecule, or packed files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--test", action="store_true", help="references to judge by: published test molecules alone")
    options = parser.parse_args()
    left_out: dict[str, str] = {}
    with atomic_path(options.out) as temporary, h5py.File(temporary, "w") as file:
        for source in [path for path in (options.out, *options.sources) if path.is_file()]:
            copied(source, file)
        for root in [path for path in options.sources if not path.is_file()]:
            for folder, finished in folders_of(root):
                if folder.name not in file and (reason := pack(folder, file, options.test) if finished else UNFINISHED):
                    left_out.setdefault(folder.name, reason)
        if not len(file):
            raise InputError("There is nothing to pack: no finished molecule, and no packed file.")
        molecules = {name: facts(file[name]) for name in file}
        conditions = {key: sorted({_plain(file[name].attrs[key]) for name in file}) for key in ("ensemble", *DEFAULTS)}
    left_out = {name: reason for name, reason in sorted(left_out.items()) if name not in molecules}
    manifest = {
        "licence": "MIT",
        "use": "test references: nothing is trained, tuned or selected on them" if options.test else "any",
        **{key: values[0] if len(values) == 1 else values for key, values in conditions.items()},
        "sha256": sha256(options.out),
        "molecules": molecules,
        "left_out": left_out,
    }
    write_json(options.out.with_suffix(".json"), manifest)
    size = options.out.stat().st_size / 1e6
    missing = "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "none"
    print(f"{len(molecules)} molecules, {size:.2f} MB; left out: {missing}")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
