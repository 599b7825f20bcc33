"""Explicit-water simulations of `../shared/tools/water_md.py`, packed for the repository.

    python benchmarks/pack_water.py FOLDER ... --out datasets/water/water.h5

One group a molecule: `coordinates` int16 [replica, frame, heavy atom, 3] in multiples of `resolution` Å, each frame
centred on the mean of its heavy atoms; attributes smiles, molblock (heavy atoms in the order of the coordinates,
hydrogens implicit), frame_ps, ensemble, temperature_K, friction_per_ps, and the protocol as JSON. Molecules whose run
is not finished are left out and named. A manifest with counts and SHA-256 lies beside. MIT licence, as the project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rdkit import Chem

import bench
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.io import atomic_path, sha256, write_json

RESOLUTION = 0.002
"""Å: coordinates reach 65 Å from the centre."""
ATTRIBUTES = {"ensemble": "tip3p", "temperature_K": 300.0, "friction_per_ps": 1.0}


def packed(folder: Path, group: h5py.Group) -> dict[str, Any]:
    """Write one molecule; returns what the manifest says of it."""
    molecule, trajectories, meta = read_molecule_folder(folder)
    heavy = np.stack([trajectory.heavy for trajectory in trajectories]).astype(np.float64)
    heavy -= heavy.mean(axis=2, keepdims=True)
    group.create_dataset(
        "coordinates",
        data=np.rint(heavy / RESOLUTION).astype(np.int16),
        compression="gzip",
        compression_opts=9,
        shuffle=True,
    )
    group.attrs["resolution"] = RESOLUTION
    group.attrs["smiles"] = molecule.smiles
    group.attrs["molblock"] = Chem.MolToMolBlock(molecule.heavy_mol)
    group.attrs["frame_ps"] = trajectories[0].frame_ps
    group.attrs["protocol"] = json.dumps({key: value for key, value in meta.items() if key != "ns_per_day"})
    for key, value in ATTRIBUTES.items():
        group.attrs[key] = value
    return {"smiles": molecule.smiles, "replicas": len(heavy), "frames": heavy.shape[1], "waters": meta.get("waters")}


def main() -> None:
    """Pack and write the manifest."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="each with a folder a molecule")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    manifest: dict[str, Any] = {
        "source": "GROMACS 2022, TIP3P, as ../shared/tools/water_md.py",
        "licence": "MIT",
        **ATTRIBUTES,
    }
    molecules, unfinished = {}, []
    with atomic_path(options.out) as temporary, h5py.File(temporary, "w") as file:
        for folder in sorted(path for root in options.folders for path in root.iterdir() if path.is_dir()):
            if (folder / "meta.json").is_file():
                molecules[folder.name] = packed(folder, file.create_group(folder.name))
            else:
                unfinished.append(folder.name)
    manifest |= {"sha256": sha256(options.out), "molecules": molecules, "unfinished": unfinished}
    write_json(options.out.with_suffix(".json"), manifest)
    size, missing = options.out.stat().st_size / 1e6, ", ".join(unfinished) or "none"
    print(f"{len(molecules)} molecules, {size:.2f} MB; not finished: {missing}")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
