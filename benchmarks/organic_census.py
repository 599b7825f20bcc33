"""What the lists of the organic model hold: elements, charges, sizes, rings, and groups by count.

    python benchmarks/organic_census.py OUT/lists [--results DIR]

Writes `organic_lists.md` and `organic_lists.json`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

import bench
from eginterpolator.chemistry.axes import axes_of
from eginterpolator.chemistry.identity import parse_smiles
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256

GROUPS = {
    "azide": "N=[N+]=[N-]", "isocyanate": "[#6]N=C=O", "isothiocyanate": "[#6]N=C=S", "carbodiimide": "N=C=N",
    "ketene": "C=C=O", "allene": "C=C=C", "diazo": "C=[N+]=[N-]", "diazirine": "C1N=N1", "isocyanide": "[N+]#[C-]",
    "nitrile": "C#N", "alkyne": "C#C", "nitro": "[N+](=O)[O-]", "nitroso": "[#6,#7,O,S]N=O", "azo": "[#6]N=N[#6]",
    "N-oxide": "[#7+;!$([#7](~[O-])~O)][O-]", "hydrazine, hydrazone": "[NX3][N;X2,X3;!$(N=N)]", "oxime": "C=NO",
    "imine": "[CX3;!$(C[#7,#8,#16])]=[NX2;!$(N[#7,#8])]", "guanidine": "NC(=[#7])N", "peroxide": "OO",
    "aldehyde": "[CX3H1](=O)[#6]", "acid halide": "C(=O)[F,Cl,Br]", "anhydride": "C(=O)OC=O", "amide": "C(=O)[NX3]",
    "imide": "C(=O)NC(=O)", "sulfoxide": "[#6][SX3](=O)[#6]", "sulfone": "[#6]S(=O)(=O)[#6]",
    "sulfonamide": "S(=O)(=O)[#7]", "sulfonate, sulfate": "S(=O)(=O)[O-,OH]", "sulfoximine": "[S;X4](=O)=N",
    "thiocarbonyl": "[#6]=S", "disulfide": "SS", "thiol, thiolate": "[SX2H1,S-]", "phosphine": "[PX3]",
    "phosphine oxide": "P(=O)([#6])([#6])[#6]", "phosphonate": "P(=O)([#6])([#8,#7])[#8,#7]",
    "phosphate": "P(=[O,S])([#8,#7,#16])([#8,#7,#16])[#8,#7,#16]", "phosphonium": "[PX4+]", "sulfonium": "[SX3+]",
    "quaternary ammonium": "[NX4+;!$([N]-[O-]);H0]", "protonated amine": "[NX4+;!H0]", "pyridinium": "[n+;!$(n[O-])]",
    "carboxylate": "C(=O)[O-]", "aryl iodide": "cI", "alkyl, vinyl iodide": "CI", "aryl bromide": "cBr",
    "three-membered ring": "[r3]", "four-membered ring": "[r4]", "spiro": "[x4]",
    "steroid": "[#6]1~[#6]~[#6]~[#6]2~[#6](~[#6]~1)~[#6]~[#6]~[#6]1~[#6]~2~[#6]~[#6]~[#6]2~[#6]~[#6]~[#6]~[#6]~1~2",
    "sugar": "[OX2;R][CX4;R]([!#1;!#6])[CX4;R]([OX2])[CX4;R]",
}  # fmt: skip
"""SMARTS; a molecule counts once for each."""


def counted(values: Iterable[Any]) -> dict[str, int]:
    """Counts by value, in the order of the values."""
    return {str(value): count for value, count in sorted(Counter(values).items())}


def census(mols: list[Chem.Mol]) -> dict[str, dict[str, int]]:
    """Molecules by element, charge, size, largest ring, rotatable bonds, stereo and group."""
    sizes: dict[str, Callable[[Chem.Mol], int]] = {
        "net charge": Chem.GetFormalCharge,
        "heavy atoms, in tens": lambda mol: mol.GetNumHeavyAtoms() // 10 * 10,
        "largest ring": lambda mol: max(map(len, mol.GetRingInfo().AtomRings()), default=0),
        "rotatable bonds, in fives": lambda mol: rdMolDescriptors.CalcNumRotatableBonds(mol) // 5 * 5,
    }
    symbols = Counter(symbol for mol in mols for symbol in {atom.GetSymbol() for atom in mol.GetAtoms()} - {"H"})
    patterns = {name: Chem.MolFromSmarts(smarts) for name, smarts in GROUPS.items()}
    special = {
        "a centre, R or S": lambda mol: bool(Chem.FindMolChiralCenters(mol, useLegacyImplementation=False)),
        "a double bond, E or Z": lambda mol: any(b.GetStereo() > Chem.BondStereo.STEREOANY for b in mol.GetBonds()),
        "an axis": lambda mol: bool(axes_of(mol)),
        "charges of both signs, apart": _zwitterion,
    }
    return {
        "element": dict(symbols.most_common()),
        **{name: counted(map(of, mols)) for name, of in sizes.items()},
        "has": {name: sum(map(has, mols)) for name, has in special.items()},
        "group": {name: sum(mol.HasSubstructMatch(p) for mol in mols) for name, p in patterns.items()},
    }


def _zwitterion(mol: Chem.Mol) -> bool:
    """Whether atoms of both charges are there that no neighbour balances."""
    left = [
        atom.GetFormalCharge()
        for atom in mol.GetAtoms()
        if atom.GetFormalCharge()
        and not any(n.GetFormalCharge() * atom.GetFormalCharge() < 0 for n in atom.GetNeighbors())
    ]
    return bool(left) and min(left) < 0 < max(left)


def page(result: dict[str, Any]) -> str:
    """The Markdown page."""
    lists = result["lists"]
    lines = ["# The molecules of the organic model", "", f"`{result['command']}`", ""]
    rows = [[name, f"{each['molecules']:,}", each["sha256"][:16]] for name, each in lists.items()]
    lines += [bench.table(["list", "molecules", "SHA-256"], rows), ""]
    for table in next(iter(lists.values()))["census"]:
        values = list(dict.fromkeys(value for each in lists.values() for value in each["census"][table]))
        if table not in ("element", "has", "group"):
            values.sort(key=int)
        rows = [[value, *(f"{each['census'][table].get(value, 0):,}" for each in lists.values())] for value in values]
        lines += [bench.table([table, *lists], rows), ""]
    return "\n".join(lines)


def main() -> None:
    """Count and write the page."""
    parser = bench.parser(__doc__)
    parser.add_argument("lists", type=Path, help="folder of qm9.smi, drugs.smi, made.smi")
    options = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    run = bench.Run("python benchmarks/organic_census.py OUT/lists")
    paths = [path for name in ("qm9", "drugs", "made") if (path := options.lists / f"{name}.smi").is_file()]
    if not paths:
        raise InputError(f"'{options.lists}' holds no qm9.smi, drugs.smi or made.smi; make them by organic_lists.py.")
    found = {}
    for path in paths:
        mols = [parse_smiles(line.split()[0]) for line in path.read_text().splitlines()]
        settings = json.loads(path.with_suffix(".json").read_text()) if path.with_suffix(".json").is_file() else {}
        found[path.stem] = {
            "molecules": len(mols), "sha256": sha256(path), "seed": settings.get("seed"), "census": census(mols),
        }  # fmt: skip
    result = {**run.made_by, "lists": found}
    run.write(options.results, "organic_lists", result, page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
