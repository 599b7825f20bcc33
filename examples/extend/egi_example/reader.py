"""A reader of one's own: a folder of .xyz files, one molecule each, with its SMILES in the comment line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import rdDetermineBonds

from eginterpolator.data.ensembles import Structure, ensemble_record
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Format
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError


@dataclass(frozen=True)
class XyzFolder:
    """Structures of molecules in `files`; the filters of the other readers apply to them."""

    files: list[Path]
    source: str = "a folder of XYZ files"

    @property
    def total(self) -> int:
        """Molecules to be read."""
        return len(self.files)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """One record a file; what cannot be read is named in the manifest."""
        for file in self.files:
            try:
                smiles = file.read_text().splitlines()[1].strip()
                mol = Chem.MolFromXYZBlock(file.read_text())
                rdDetermineBonds.DetermineBonds(mol, charge=Chem.GetFormalCharge(Chem.MolFromSmiles(smiles)))
                yield ensemble_record(file.stem, smiles, [Structure(mol)], dropped, self.source)
            except (InputError, ValueError, AttributeError, IndexError) as error:
                dropped.failure(file.stem, str(error))


FORMAT = Format(
    recognises=lambda path: path.is_dir() and any(path.glob("*.xyz")),
    open=lambda paths, options: XyzFolder(sorted(paths[0].glob("*.xyz"))),
)
