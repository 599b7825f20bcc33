"""Names of molecules that can be folders: of safe characters, short, unique, and derived from a bare SMILES."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import unicodedata
from collections.abc import Iterable

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from eginterpolator.chemistry import origin
from eginterpolator.chemistry.identity import identity_key
from eginterpolator.chemistry.molecule import Molecule

log = logging.getLogger(__name__)

RESERVED = ("summary.csv", "failures.csv", "report.html")
"""Files beside the molecule folders."""
LONGEST_NAME, MOST_BYTES = 100, 200
"""Characters, and bytes of UTF-8: a file system takes 255 bytes, and hidden files have longer names than the folder."""
LONGEST_SMILES = 24


def safe_name(name: str) -> str:
    """A name that can be a folder, cut where it is too long; `molecule` where nothing is left."""
    text = re.sub(r"[^\w.+-]+", "_", name.strip()).strip("._")[:LONGEST_NAME]
    return text.encode()[:MOST_BYTES].decode(errors="ignore") or "molecule"


def smiles_name(mol: Chem.Mol) -> str:
    """Name of a molecule that was given as a SMILES: that SMILES where it is short and plain, else formula and hash.

    Equal for every spelling of a molecule, different for isomers, also where a file system ignores case.
    """
    smiles = identity_key(mol)
    plain = re.fullmatch(r"[A-Z0-9]*", smiles.replace("Cl", "").replace("Br", ""))
    if smiles and plain and len(smiles) <= LONGEST_SMILES:
        return smiles
    return f"{rdMolDescriptors.CalcMolFormula(mol)}_{hashlib.sha256(smiles.encode()).hexdigest()[:8]}"


def renamed(molecule: Molecule, name: str) -> Molecule:
    """The molecule in a folder of another name, its seeds as they were."""
    mol = Chem.Mol(molecule.rdmol)
    origin.set_seed_name(mol, molecule.seed_name)
    return Molecule(mol, name)


def unique_names(molecules: Iterable[Molecule]) -> list[Molecule]:
    """The molecules with names of which no two are equal, and which the file system can hold; seeds keep the former."""
    names, folders = set(RESERVED), set(RESERVED)
    result = []
    for molecule in molecules:
        name = _free(molecule.name, names)
        folder = _free(_encodable(name), folders)
        if name != molecule.name:
            molecule = Molecule(molecule.rdmol, name)
        result.append(molecule if folder == name else renamed(molecule, folder))
    return result


def _free(name: str, seen: set[str]) -> str:
    """The name, with a number behind it where it is taken; it is then taken itself."""
    found, count = name, 1
    while found in seen:
        count += 1
        found = f"{name}_{count}"
    seen.add(found)
    return found


def _encodable(name: str) -> str:
    """The name itself, or in a locale without its letters those of ASCII that are nearest."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        plain = safe_name(unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
        log.warning("this locale has no letters for '%s'; its folder is '%s'", name, plain)
        return plain
    return name
