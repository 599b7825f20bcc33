"""Charge states at a pH, tautomers to name, and neutral groups that water would charge."""

from __future__ import annotations

import logging
from functools import cache
from string import ascii_lowercase
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry import origin
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError, shortened

log = logging.getLogger(__name__)

MOST_STATES = 8
"""Charge states of one molecule that are run, the likeliest first."""
PRECISION = 1.0
"""A group has both states where its pKa lies within that many standard deviations of the pH (dimorphite-dl's own)."""
MOST_TAUTOMERS = 4
PH, FROM, TAUTOMERS = "ph", "protonated_from", "tautomers"
"""Properties of the Mol, and keys of meta.json."""
_CHARGED_IN_WATER = {
    "amine": "[NX3;+0;H2,H1,H0;$(N[CX4]);!$(N-[!#6;!#1]);!$(N-[#6]=[#6,#7,#8,#16]);!$(N-a);!$(N-C#*)]",
    "amidine or guanidine": "[NX2;+0;!$(N-[!#6;!#1])]=[CX3;!$(C-[!#6;!#7;!#1])]-[NX3;+0;!$(N-C=[O,S]);!$(N-[!#6;!#1])]",
    "carboxylic acid": "[CX3](=O)[OX2H1]",
    "phosphoric, phosphonic or sulfonic acid": "[P,S;X4](=O)[OX2H1]",
}


def check_ph(ph: float) -> None:
    """InputError where a pH is none, or dimorphite-dl is not installed."""
    if not 0.0 <= ph <= 14.0:
        raise InputError(f"--ph is {ph:g}; give a number from 0 to 14, such as 7.4.")
    _library()


def charge_states(molecule: Molecule, ph: float) -> list[Molecule]:
    """The molecule in the charge states that matter at a pH, the likeliest first, at most `MOST_STATES`.

    Groups and their pKa with its spread are dimorphite-dl's (Ropp et al., J. Cheminf. 11 (2019) 14): each group by
    itself, so that groups that feel one another, as in biguanides, may come out charged twice. Atoms, stereo and
    coordinates stay; hydrogens come and go. Names end in `_pH7.4`, of several states in `_pH7.4_a`, `_pH7.4_b` ...

    Raises
    ------
    InputError
        When dimorphite-dl is missing, or what it gives cannot be put on the molecule.
    """
    check_ph(ph)
    found = _ranked(molecule.smiles, ph)
    states: dict[str, Molecule] = {}
    for smiles in found:
        made = _recharged(molecule, smiles)
        states.setdefault(made.key, made)
    tautomers = other_tautomers(molecule)
    result = []
    for letter, state in zip(ascii_lowercase, states.values(), strict=False):
        name = f"{molecule.name}_pH{ph:g}" + (f"_{letter}" if len(states) > 1 else "")
        mol = Chem.Mol(state.rdmol)
        origin.set_seed_name(mol, molecule.seed_name)
        mol.SetProp(PH, f"{ph:g}")
        mol.SetProp(FROM, molecule.smiles)
        if tautomers:
            mol.SetProp(TAUTOMERS, " ".join(tautomers))
        result.append(Molecule(mol, name))
    return result


def likeliest_state(molecule: Molecule, ph: float) -> Molecule:
    """The first of `charge_states`, with the molecule's name and nothing noted; tautomers are not looked for.

    Raises
    ------
    InputError
        As `charge_states`.
    """
    found = list(_library()(molecule.smiles, ph_min=ph, ph_max=ph, precision=PRECISION, max_variants=1))
    if not found:
        raise InputError(f"dimorphite-dl cannot read '{shortened(molecule.smiles)}'; give its charge state.")
    return _recharged(molecule, found[0])


def protonation_facts(molecule: Molecule) -> dict[str, str]:
    """What `charge_states` noted, for meta.json: `ph`, `protonated_from`, `tautomers` that were not run; {} else."""
    return {key: molecule.rdmol.GetProp(key) for key in (PH, FROM, TAUTOMERS) if molecule.rdmol.HasProp(key)}


def other_tautomers(molecule: Molecule) -> list[str]:
    """SMILES without stereo of other tautomers that RDKit's score puts as high as this one, the highest first.

    At most `MOST_TAUTOMERS`; nothing is said of which of them water holds.
    """
    from rdkit.Chem.MolStandardize import rdMolStandardize

    enumerator = rdMolStandardize.TautomerEnumerator()
    enumerator.SetMaxTautomers(200)
    enumerator.SetMaxTransforms(200)
    mol = Chem.MolFromSmiles(molecule.smiles_flat)
    if mol is None:
        return []
    own, score = Chem.MolToSmiles(mol), enumerator.ScoreTautomer(mol)
    scored = {Chem.MolToSmiles(each): enumerator.ScoreTautomer(each) for each in enumerator.Enumerate(mol)}
    others = [smiles for smiles, found in scored.items() if smiles != own and found >= score]
    return sorted(others, key=lambda smiles: (-scored[smiles], smiles))[:MOST_TAUTOMERS]


def charged_in_water(molecule: Molecule) -> list[str]:
    """Names of the neutral groups of the molecule that water of pH 7 charges: amines, amidines, acids."""
    mol = molecule.heavy_mol
    return [name for name, pattern in _patterns().items() if mol.HasSubstructMatch(pattern)]


@cache
def _patterns() -> dict[str, Chem.Mol]:
    return {name: Chem.MolFromSmarts(smarts) for name, smarts in _CHARGED_IN_WATER.items()}


@cache
def _library() -> Any:
    try:
        from dimorphite_dl import protonate_smiles
        from loguru import logger
    except ImportError as error:
        raise InputError("--ph needs dimorphite-dl; run pip install 'eginterpolator[ph]'.") from error
    logger.disable("dimorphite_dl")  # it tells of every step on stderr
    return protonate_smiles


def _ranked(smiles: str, ph: float) -> list[str]:
    """SMILES of the states that dimorphite-dl lists, the likeliest first: those that it keeps when asked for few."""
    protonate = _library()
    ranked: list[str] = []
    for count in range(1, MOST_STATES + 2):
        found = list(protonate(smiles, ph_min=ph, ph_max=ph, precision=PRECISION, max_variants=count))
        ranked += [each for each in found if each not in ranked]
        if len(found) < count:
            break
    if not ranked:
        raise InputError(f"dimorphite-dl cannot read '{shortened(smiles)}'; leave --ph and give its charge state.")
    if len(ranked) > MOST_STATES:
        log.warning(
            "%s has more than %d charge states at pH %g; the likeliest are run", shortened(smiles), MOST_STATES, ph
        )
    return ranked[:MOST_STATES]


def _recharged(molecule: Molecule, smiles: str) -> Molecule:
    """The molecule with the charges and hydrogens of `smiles`, which is the same graph."""
    state = Chem.MolFromSmiles(smiles)
    own = Chem.Mol(molecule.heavy_mol)
    match = _matched(own, state) if state is not None else None
    if match is None:
        raise InputError(
            f"dimorphite-dl gives '{shortened(smiles)}', which is not bonded as '{shortened(molecule.smiles)}'; leave "
            "--ph and give the charge state."
        )
    mol = Chem.RWMol(own)
    for atom in mol.GetAtoms():
        wanted = state.GetAtomWithIdx(int(match[atom.GetIdx()]))
        atom.SetFormalCharge(wanted.GetFormalCharge())
        atom.SetNumExplicitHs(wanted.GetTotalNumHs())
        atom.SetNoImplicit(True)
    for bond in mol.GetBonds():
        ends = (int(match[bond.GetBeginAtomIdx()]), int(match[bond.GetEndAtomIdx()]))
        found = state.GetBondBetweenAtoms(*ends)
        bond.SetBondType(found.GetBondType())
        bond.SetIsAromatic(found.GetIsAromatic())
    changed = mol.GetMol()
    origin.with_properties_of(molecule.rdmol, changed)
    changed.SetBoolProp(origin.KNOWN, True)  # its atoms know their places in the input
    return Molecule.from_rdkit(changed, molecule.name)


def _matched(own: Chem.Mol, state: Chem.Mol) -> np.ndarray | None:
    """For each heavy atom its atom in the state, by elements and bonds; the match that moves the fewest protons."""
    if own.GetNumAtoms() != state.GetNumAtoms() or own.GetNumBonds() != state.GetNumBonds():
        return None
    matches = _plain(state).GetSubstructMatches(_plain(own), uniquify=False, maxMatches=2000)
    if not matches:
        return None
    hydrogens, theirs = (
        np.array([a.GetTotalNumHs(includeNeighbors=True) for a in mol.GetAtoms()]) for mol in (own, state)
    )
    orders = [_same_orders(own, state, match) for match in matches]
    moved = [int(np.abs(theirs[list(match)] - hydrogens).sum()) for match in matches]
    best = min(range(len(matches)), key=lambda k: (moved[k], -orders[k], matches[k]))
    return np.array(matches[best])


def _same_orders(own: Chem.Mol, state: Chem.Mol, match: tuple[int, ...]) -> int:
    pairs = (
        (b, state.GetBondBetweenAtoms(match[b.GetBeginAtomIdx()], match[b.GetEndAtomIdx()])) for b in own.GetBonds()
    )
    return sum(mine.GetBondType() == other.GetBondType() for mine, other in pairs)


def _plain(mol: Chem.Mol) -> Chem.Mol:
    """Elements, isotopes and single bonds."""
    bare = Chem.RWMol()
    for each in mol.GetAtoms():
        atom = Chem.Atom(each.GetAtomicNum())
        atom.SetNoImplicit(True)
        atom.SetIsotope(each.GetIsotope())
        bare.AddAtom(atom)
    for bond in mol.GetBonds():
        bare.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), Chem.BondType.SINGLE)
    return bare.GetMol()
