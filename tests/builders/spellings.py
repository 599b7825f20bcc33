"""Ways of writing one molecule, and molecules that are easily taken for another."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.identity import parse_smiles

BINOL = "Oc1ccc2ccccc2c1-c1c(O)ccc2ccccc12"
ALLENE = "CC=C=CC"
AXIAL = [
    BINOL, ALLENE, "CC=C=C=CC", "CC=C=C=C=CC", "CCC(C)=C=CC(C)Cl", "Cc1cccc(Cl)c1-n1c(C)ccc1C=O",
    "CC(C)(C)c1cc(-c2c(C)cccc2Cl)c(C)c(C(F)(F)F)c1C", "CC=C=CCCC=C=CC", "CC=C=CCCC=C=CCl",
    "Cc1ccccc1-n1c(C)nc2ccccc2c1=O",
]  # fmt: skip
ORDINARY = [
    "CCO", "c1ccc2[nH]ccc2c1", "C[N+](=O)[O-]", "NC(=[NH2+])CC(=O)[O-]", "O=c1cc[nH]cc1", "C[C@H](O)CC",
    "C[C@H]1CC[C@@H](C)CC1",
    "C[C@H]1CC[C@H](C)CC1", "F[C@H]1C[C@@H](F)C1", "C/C=C/[C@@H](C)/C=C\\C", "C[N@@+](CC)(CCC)CO", "C[S@](=O)CC",
    "[2H]C([2H])([2H])O", "C[C@H]([2H])O", "[13CH3]c1ccccc1", "[2H]/C=C/C", "[H]/N=C(/C)CC", "[H]/N=C(\\C)N", "C/N=N/C",
    "CO[P@](=O)(O)OCC", "CS(=O)[O-]", "C1CC2CCC1C2", "OC[C@@]1(C)CCCC[C@H]1F", "C[CH-]C", "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
]  # fmt: skip


def spelled(smiles: str, seed: int) -> str:
    """Another way to write a SMILES: any order, atom maps, explicit hydrogens and bonds, Kekulé's rings."""
    choice = random.Random(seed)
    mol = Chem.MolFromSmiles(smiles)
    if choice.random() < 0.5:
        mol = Chem.AddHs(mol)
    order = list(range(mol.GetNumAtoms()))
    choice.shuffle(order)
    mol = Chem.RenumberAtoms(mol, order)
    if choice.random() < 0.5:
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(choice.choice((0, choice.randint(1, 99))))
    kekulised = choice.random() < 0.4
    if kekulised:
        Chem.Kekulize(mol, clearAromaticFlags=True)
    return str(
        Chem.MolToSmiles(
            mol, doRandom=True, canonical=False, kekuleSmiles=kekulised, allHsExplicit=choice.random() < 0.3,
            allBondsExplicit=choice.random() < 0.2,
        )
    )  # fmt: skip


@cache
def structure(smiles: str, seed: int = 1) -> Chem.Mol:
    """RDKit Mol of all atoms with one ETKDG conformer, whichever isomer comes out where the SMILES leaves it open."""
    mol = Chem.AddHs(parse_smiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0  # type: ignore[attr-defined]
    return mol


def shuffled(mol: Chem.Mol, seed: int, mirror: bool = False) -> Chem.Mol:
    """The atoms in another order, as a structure or as its mirror image."""
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    mol = Chem.RenumberAtoms(mol, order)
    if mirror:
        mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() * [1, 1, -1])
    return mol
