"""Make the census of a model whose stores are gone, from the lists of molecules that it was trained on.

    python benchmarks/census.py MODEL --thermal LIST.smi|FOLDER ... [--minimum LIST.smi|qm9 ...] [--start MODEL]
        [--exclude FILE_OR_DIR ...] --source "where the lists come from"

MODEL is a model folder or a shipped model; its `census.json` is replaced, and says that it was made from lists.
`--thermal` are molecules that were simulated: .smi files, or folders of molecule folders. `--minimum` are molecules of
which minima were taken: .smi files, or `qm9` for every geometry of qm9pack that the reader takes, without `--exclude`.
The census of `--start` is added. `docs/training.md` has the commands of the shipped models.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from rdkit import Chem, RDLogger

import bench
from eginterpolator.data.readers.qm9 import read_qm9
from eginterpolator.data.splits import read_exclusions
from eginterpolator.errors import InputError
from eginterpolator.models.census import Census, census_of
from eginterpolator.models.registry import model_folder


def listed(sources: Iterable[str], excluded: set[str]) -> Iterator[Chem.Mol]:
    """Molecules of .smi files, of folders of molecule folders, and of QM9."""
    for source in sources:
        path = Path(source)
        if source == "qm9":
            for record in read_qm9():
                if record.molecule.smiles_flat not in excluded:
                    yield record.molecule.heavy_mol
            continue
        if path.is_dir():
            smiles = [str(json.loads(meta.read_text())["smiles"]) for meta in sorted(path.glob("*/meta.json"))]
        else:
            smiles = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
        if not smiles:
            raise InputError(f"'{source}' names no molecule.")
        for text in smiles:
            mol = Chem.MolFromSmiles(text)
            if mol is None:
                raise InputError(f"'{text}' in '{source}' is not a valid SMILES.")
            yield mol


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("model", help="model folder, or the name of a shipped model")
    parser.add_argument("--thermal", nargs="+", default=[])
    parser.add_argument("--minimum", nargs="+", default=[])
    parser.add_argument("--start", default=None, help="model whose census is added")
    parser.add_argument("--exclude", type=Path, action="append", default=[], help=".smi, or molecule folders")
    parser.add_argument("--source", required=True, help="where the lists come from, in a sentence")
    options = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    excluded = read_exclusions(options.exclude)
    mols = chain(
        ((mol, "thermal") for mol in listed(options.thermal, set())),
        ((mol, "minimum") for mol in listed(options.minimum, excluded)),
    )
    census = census_of(mols, f"made from lists of molecules: {options.source}")
    if options.start:
        start = Census.load(model_folder(options.start))
        if start is None:
            raise InputError(f"'{options.start}' has no census.json.")
        census.add_all(start)
    folder = model_folder(options.model)
    census.save(folder)
    size = (folder / "census.json").stat().st_size / 1e3
    print(f"{folder.name}: {census.molecules[0]} simulated, {census.molecules[1]} minima, {size:.0f} kB")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
