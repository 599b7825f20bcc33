"""Molecules made by rule: what lists of drugs and QM9 hold little of. SMILES with open stereo, by class.

`made(seed)` gives pairs (class, SMILES): odd groups on cores, macrocycles, peptides, sugars, steroids, zwitterions and
other ions. Rings inside of groups are numbered from 7, so that they can be written into cores.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from rdkit import Chem

GROUPS = {
    "azide": ("N=[N+]=[N-]", "CN=[N+]=[N-]", "S(=O)(=O)N=[N+]=[N-]", "C(=O)N=[N+]=[N-]"),
    "isocyanate": ("N=C=O", "CN=C=O"),
    "isothiocyanate": ("N=C=S", "CN=C=S"),
    "thiocyanate": ("SC#N", "CSC#N"),
    "cyanamide": ("NC#N", "N(C)C#N", "OC#N"),
    "nitrile": ("C#N", "CC#N", "C(=O)C#N", "C=C(C#N)C#N"),
    "isocyanide": ("[N+]#[C-]", "C[N+]#[C-]"),
    "nitro": ("[N+](=O)[O-]", "C[N+](=O)[O-]", "C=C[N+](=O)[O-]", "O[N+](=O)[O-]", "N[N+](=O)[O-]"),
    "nitroso": ("N=O", "N(C)N=O", "ON=O", "SN=O"),
    "diazo": ("C(=[N+]=[N-])C(=O)OC", "C(=O)C=[N+]=[N-]", "C7(C(F)(F)F)N=N7", "C(C)=[N+]=[N-]"),
    "azo": ("N=NC", "N=Nc7ccccc7", "N=NC(C)(C)C#N"),
    "acyl halide": ("C(=O)Cl", "C(=O)F", "C(=O)Br", "OC(=O)Cl"),
    "anhydride": ("C(=O)OC(C)=O", "C(=O)OOC(C)=O", "C(=O)SC"),
    "ketene": ("C=C=O", "C(C)=C=O"),
    "allene": ("C=C=C", "C=C=CC", "C=C=C(C)Cl", "C(C)=C=CF", "OC=C=C"),
    "carbodiimide": ("N=C=NC", "N=C=NC(C)C", "N=C=NC7CCCCC7", "CN=C=NC"),
    "N-oxide": ("[N+](C)(C)[O-]", "c7cc[n+]([O-])cc7", "c7ccc[n+]([O-])c7", "C[N+]7([O-])CCOCC7", "C=[N+](C)[O-]"),
    "sulfoxide": ("S(C)=O", "S(=O)CC", "CS(C)=O", "S(=O)c7ccccc7"),
    "sulfone": ("S(C)(=O)=O", "S(=O)(=O)C=C", "CS(=O)(=O)C7CC7", "S(=O)(=O)C(F)(F)F"),
    "sulfonamide": ("S(N)(=O)=O", "S(=O)(=O)NC", "NS(C)(=O)=O", "S(=O)(=O)N7CCOCC7", "NS(N)(=O)=O", "S(=O)(=O)NC(C)=O"),
    "sulfonyl halide": ("S(=O)(=O)Cl", "S(=O)(=O)F", "OS(=O)(=O)F"),
    "sulfonate": ("S(=O)(=O)OC", "OS(C)(=O)=O", "OS(N)(=O)=O", "OS(=O)(=O)C(F)(F)F", "S(=O)OC"),
    "sulfonate ion": ("S(=O)(=O)[O-]", "OS(=O)(=O)[O-]", "S(=O)[O-]", "NS(=O)(=O)[O-]", "S(=O)(=O)[N-]C(C)=O"),
    "sulfoximine": ("S(C)(=N)=O", "S(C)(=O)=NC", "S(C)=NC#N", "S(C)(=O)=NC#N"),
    "thiocarbonyl": ("C(N)=S", "NC(N)=S", "C(C)=S", "SC(=S)N(C)C", "OC(=S)SC", "C(=S)NC", "NC(=S)NC", "C(=S)OC"),
    "disulfide": ("SSC", "SSC(C)C", "CSSC", "SSSC"),
    "thiol": ("S", "CS", "[S-]", "C[S-]", "SC", "SCl"),
    "peroxide": ("OOC", "OO", "C(=O)OO", "OOC(C)(C)C"),
    "phosphine": ("P(C)C", "CP(C)C", "P", "P(c7ccccc7)C", "OP(OC)OC"),
    "phosphine oxide": ("P(C)(C)=O", "CP(C)(C)=O", "P(=O)(c7ccccc7)C", "P(C)(C)=S", "CP(C)(=O)OC"),
    "phosphonate": ("P(=O)(OC)OC", "CP(=O)(OCC)OCC", "P(C)(=O)OC", "P(=O)(N(C)C)N(C)C", "P(=O)(F)OC",
        "C(O)P(=O)(OC)OC"),
    "phosphonate ion": ("P(=O)(O)[O-]", "CP(=O)(O)[O-]", "P(=O)([O-])[O-]", "P(C)(=O)[O-]",
        "C(P(=O)(O)[O-])P(=O)(O)[O-]"),
    "phosphate": ("OP(=O)(OC)OC", "NP(=O)(OC)OC", "OP(=S)(OC)OC", "SP(=O)(OC)OCC", "OP(=O)(OC)N(C)C", "OP(=S)(OC)SC"),
    "phosphate ion": ("OP(=O)(O)[O-]", "OP(=O)([O-])[O-]", "COP(=O)(O)[O-]", "OP(=O)([O-])OC",
        "OP(=O)([O-])OP(=O)(O)[O-]",
                      "NP(=O)(O)[O-]", "OP(=S)(O)[O-]"),
    "phosphonium": ("[P+](C)(C)C", "C[P+](C)(C)C", "C[P+](C)(C)c7ccccc7"),
    "ammonium": ("[N+](C)(C)C", "C[N+](C)(C)C", "C[NH3+]", "C[NH2+]C", "[NH2+]C", "C[NH+](C)C", "[NH3+]"),
    "sulfonium": ("[S+](C)C", "C[S+](C)C"),
    "guanidinium": ("NC(N)=[NH2+]", "C(N)=[NH2+]", "CNC(N)=[NH2+]", "C(NC)=[NH2+]", "SC(N)=[NH2+]"),
    "guanidine": ("NC(N)=N", "C(N)=N", "N=C(N)N", "C(N)=NO", "C(N)=NC#N", "NC(=NC#N)NC"),
    "azinium": ("[n+]7ccccc7", "c7cc[n+](C)cc7", "[n+]7ccn(C)c7", "c7c[nH]c[nH+]7", "C[n+]7ccccc7"),
    "acid": ("C(=O)O", "C(=O)[O-]", "CC(=O)[O-]", "C=CC(=O)[O-]", "OCC(=O)[O-]", "C(=O)C(=O)[O-]"),
    "azolate": ("c7nnn[n-]7", "c7nnn[nH]7", "c7nn(C)nn7", "c7noc(=O)[nH]7", "c7nc[nH]n7"),
    "hydrazine": ("NN", "N(C)N", "NNC(C)=O", "C(=O)NN", "C=NN(C)C", "C(C)=NNC(N)=O", "NN=C(C)C"),
    "oxime": ("C=NO", "C=NOC", "C(C)=NO", "C(N)=NOC", "ON", "ONC(C)=O"),
    "imine": ("C=N", "C=NC", "N=CC", "C(C)=NC7CC7", "C(OC)=NC"),
    "hydroxamate": ("C(=O)NO", "C(=O)N(C)O", "N(O)C(C)=O", "C(=O)NOC"),
    "imide": ("C(=O)NC(C)=O", "N7C(=O)CCC7=O", "N7C(=O)C=CC7=O", "C7C(=O)NC(=O)N7", "N7C(=O)NC(=O)C7"),
    "urea": ("NC(N)=O", "NC(=O)NC", "N(C)C(=O)N(C)C", "OC(N)=O", "NC(=O)OC", "OC(=O)N(C)C", "OC(=O)OC"),
    "alkyne": ("C#C", "CC#C", "C#CC", "C#CC#C", "C#CCO", "C#CI", "C#CBr", "C=CC#C"),
    "iodide": ("I", "CI", "C=CI", "C#CI", "CCI", "C(I)C", "c7ccc(I)cc7", "c7ccccc7I", "OCI", "c7cc(I)c(O)c(I)c7",
        "c7cn(C)nc7I"),
    "bromide": ("Br", "CBr", "C(Br)Br", "C=CBr", "C(Br)(Br)Br", "c7csc(Br)c7", "C(=O)CBr"),
    "polyhalide": ("C(F)(F)F", "C(Cl)(Cl)Cl", "C(Cl)Cl", "OC(F)(F)F", "SC(F)(F)F", "C(F)=C(F)F", "C(F)(F)C(F)(F)F",
        "C(F)(Cl)Br",
                   "C(I)F", "NC(F)(F)F"),
    "N-halide": ("N(C)Cl", "NCl", "OCl", "N(C)F"),
    "small ring": ("C7CO7", "C7CN7", "C7CS7", "C7COC7", "C7CNC7", "C7CSC7", "C7CC7", "C7=CC7", "C7C=CC7", "N7CC7",
        "C7CC7(F)F",
                   "C7(C)N=N7", "C7ON7C", "C7CO7"),
    "cage": ("C78CC(C7)C8", "C7CC8CCC7C8", "C78CC9CC(CC(C9)C7)C8", "C78CCC(CC7)CC8", "N7CC8CC7C8", "C7CC8CC7C=C8",
             "C7CC78CC8", "C7CC78CCC8", "C7CN8CCC7CC8"),
    "heteroring": ("c7nonc7C", "c7nsnc7C", "c7scnc7", "c7ocnc7", "c7nnco7", "c7nncs7", "c7cnncc7", "c7ncncn7",
        "c7nnc[nH]7",
                   "C7SCCS7", "C7OCCO7", "C7=CSC=CS7", "c7onc(C)c7", "C7=NOCC7", "C7=NCCN7", "C7=NCCO7", "N7CCSCC7"),
    "enol": ("C=CO", "C=COC", "C(=O)C=C(C)O", "C=CN(C)C", "C=C(N)C#N", "OC=C", "SC=C"),
    "aldehyde": ("C=O", "CC=O", "C=CC=O", "C(=O)C=O", "C(=O)C(C)=O", "C(O)O", "C(OC)OC"),
}  # fmt: skip
"""Groups by name; the first atom of each is bound to the core."""
CORES = (
    "c1cc({a})ccc1{b}", "c1c({a})cccc1{b}", "c1ccc({a})c({b})c1", "C1CCC({a})CC1{b}", "CC({a})C{b}", "C({a})CC{b}",
    "CC(C)C({a}){b}",
    "c1cnc({a})nc1{b}", "c1cc({a})sc1{b}", "C1CC({a})N1C{b}", "C1CN(C({a})=O)CCC1{b}", "c1ccc2c({a})cccc2c1{b}",
    "C1OC({a})CC1{b}",
    "OC({a})C(O)C{b}", "NC(=O)C({a})CC{b}", "C=C({a})C{b}", "C1=CC({a})CC1{b}", "c1cc({a})c2[nH]cc({b})c2c1",
    "COc1cc({a})ccc1{b}",
    "CN1C=C({a})C=N1", "C{a}", "CC{a}", "CC(C){a}", "c1ccccc1{a}", "CCCC{a}", "C1CCCC1{a}", "Fc1ccc({a})cc1",
    "CC(C)(C){a}", "OCC{a}",
    "Cn1cc({a})nc1{b}", "c1ncc({a})cc1{b}", "CC(=O)NC({a})C{b}", "C1CC2CC1C({a})C2{b}", "O=C1NC({a})C(=O)N1{b}",
)  # fmt: skip
CATIONS = (
    "[NH3+]", "[NH2+]C", "[N+](C)(C)C", "NC(N)=[NH2+]", "C(N)=[NH2+]", "c7c[nH]c[nH+]7", "[n+]7ccccc7", "[P+](C)(C)C",
    "[NH+](C)C", "[S+](C)C",
    "C[NH+]7CCOCC7", "c7cc[nH+]cc7",
)  # fmt: skip
ANIONS = (
    "C(=O)[O-]", "S(=O)(=O)[O-]", "OP(=O)(O)[O-]", "P(=O)(O)[O-]", "OS(=O)(=O)[O-]", "c7nnn[n-]7",
    "S(=O)(=O)[N-]C(C)=O", "C[S-]",
    "OP(=O)([O-])OC", "C(=O)[N-]S(C)(=O)=O", "c7ccc([O-])c([N+](=O)[O-])c7",
)  # fmt: skip
LINKERS = (
    "C({a}){b}", "C({a})C{b}", "C({a})CC{b}", "C({a})CCC{b}", "CC({a})C{b}", "C1CCC({a})CC1{b}", "c1cc({a})ccc1{b}",
    "c1c({a})cccc1{b}",
    "C({a})C(O)C{b}", "C({a})(C){b}", "C({a})COCC{b}", "C({a})C(=O)NCC{b}", "C1CC({a})C1{b}", "C({a})c1ccc(C{b})cc1",
    "C({a})C(C(C)C){b}",
    "C({a})(Cc1ccccc1){b}", "C({a})(CO){b}", "C({a})CSCC{b}", "C({a})C(F)(F)C{b}",
)  # fmt: skip
SIDES = {
    "G": "", "A": "C", "V": "C(C)C", "L": "CC(C)C", "I": "C(C)CC", "F": "Cc7ccccc7", "Y": "Cc7ccc(O)cc7",
    "W": "Cc7c[nH]c8ccccc78",
    "S": "CO", "T": "C(C)O", "C": "CS", "M": "CCSC", "D": "CC(=O)O", "E": "CCC(=O)O", "N": "CC(N)=O", "Q": "CCC(N)=O",
    "K": "CCCCN",
    "R": "CCCNC(N)=N", "H": "Cc7c[nH]cn7", "O": "CCCN", "Z": "Cc7ccc(I)cc7", "X": "COP(=O)(O)O", "B": "C7CCCCC7",
    "J": "CC#C",
}  # fmt: skip
"""Side chains of amino acids, some of them not natural."""
UNITS = (
    "C", "C", "C", "CC", "CCC", "O", "S", "NC", "N(C)C", "C(=O)O", "C(=O)N", "C(=O)N(C)", "C(C)", "C(O)", "C(=O)",
    "C=C", "CC=CC", "C#C",
    "CCO", "CCOCC", "c7cccc(c7)", "c7ccc(cc7)", "c7cccc(n7)", "C(F)", "C(N)", "C(C)(C)", "CSSC", "C(=O)NCC",
    "c7nc(cs7)", "C(OC)", "NC(=O)N",
)  # fmt: skip
SUGARS = (
    "OCC1OC(O{r})C(O)C(O)C1O", "OCC1OC({r})C(O)C(O)C1O", "CC1OC(O{r})C(O)C(O)C1O", "OCC1OC(O{r})C(NC(C)=O)C(O)C1O",
    "OC1COC(O{r})C(O)C1O",
    "OCC1OC(O{r})C([NH3+])C(O)C1O", "[O-]C(=O)C1OC(O{r})C(O)C(O)C1O", "OCC1OC(O{r})C(O)C1O", "OCC1OC({r})C(O)C1O",
    "OCC1OC({r})CC1O",
    "OCC1OC(O{r})CC(O)C1O", "OCC(O)C(O)C(O)C(O)C{r}", "OC1C(O)C(O)C(O)C(O)C1O{r}", "FCC1OC(O{r})C(O)C(O)C1O",
    "OCC1SC(O{r})C(O)C(O)C1O",
    "OCC1NCC(O)C(O)C1O{r}", "[O-]P(=O)(O)OCC1OC({r})C(O)C1O", "[O-]P(=O)(O)OCC1OC(O{r})C(O)C(O)C1O",
    "OCC1(O{r})OCC(O)C(O)C1O",
)  # fmt: skip
AGLYCONES = (
    "C", "CC", "CC(C)C", "c7ccccc7", "c7ccc([N+](=O)[O-])cc7", "C7OC(CO)C(O)C(O)C7O", "N7C=CC(=O)NC7=O",
    "N7C=CC(N)=NC7=O", "n7cnc8c(N)ncnc87",
    "n7cnc8c(=O)[nH]c(N)nc87", "N7C=C(C)C(=O)NC7=O", "Cc7ccccc7", "CC#C", "CCCCCC", "c7ccc8ccc(=O)oc8c7", "C7CCCCC7",
    "N7C=C(I)C(=O)NC7=O",
    "CCBr", "n7cnc(C(N)=O)c7", "N7C=C(F)C(=O)NC7=O",
)  # fmt: skip
STEROIDS = (
    "C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2{r}",
    "C[C@]12CC[C@H]3[C@@H](CC[C@H]4C[C@@H](O)CC[C@]34C)[C@@H]1CC[C@@H]2{r}",
    "C[C@]12CC[C@@H]3c4ccc(O)cc4CC[C@H]3[C@@H]1CC[C@@H]2{r}",
    "C[C@]12CC[C@H]3[C@@H](CC=C4C[C@@H](O)CC[C@]34C)[C@@H]1CC[C@@H]2{r}",
    "C[C@]12C[C@H](O)[C@H]3[C@@H](CCC4=CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2{r}",
    "C[C@]12CC[C@H]3[C@@H](CC[C@@H]4C[C@H]({r})CC[C@]34C)[C@@H]1CCC2=O",
    "C[C@]12CC[C@H]3[C@@H](CC[C@H]4CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2{r}",
    "C[C@]12CCC(=O)C=C1C=C[C@@H]1[C@@H]2CC[C@]2(C)[C@@H]({r})CC[C@@H]12",
    "C[C@]12CC[C@@H]3c4ccc({r})cc4CC[C@H]3[C@@H]1CCC2=O",
)  # fmt: skip
STEROID_GROUPS = (
    "OC(C)=O", "C(C)=O", "C(=O)CO", "OC", "C(C)CCC(=O)[O-]", "C(C)CCCC(C)C", "OS(=O)(=O)[O-]", "F", "Br", "I", "C#C",
    "NC(C)=O", "[NH3+]", "C#N",
    "OP(=O)(O)[O-]", "C(C)CC=C(C)C", "OC(=O)CC", "C(=O)N(C)C", "N", "S", "C(C)CO",
)  # fmt: skip
SIZES = {"odd": 900, "macrocycle": 260, "peptide": 220, "sugar": 140, "steroid": 90, "zwitterion": 170, "ion": 120}
"""How many of each class are asked for."""


def odd(choice: random.Random) -> Iterator[str]:
    """Each group on cores, alone or with another one, in turn."""
    names = list(GROUPS)
    while True:
        for name in names:
            core = choice.choice(CORES)
            other = (
                choice.choice(GROUPS[choice.choice(names)])
                if choice.random() < 0.5
                else choice.choice(("C", "F", "Cl", "OC", "N"))
            )
            yield core.format(a=choice.choice(GROUPS[name]), b=other)


def macrocycle(choice: random.Random) -> Iterator[str]:
    """Rings of 9 to 20 members of random units."""
    while True:
        wanted, ring = choice.randint(9, 20), ""
        while True:
            ring += choice.choice(UNITS)
            mol = Chem.MolFromSmiles(f"C1{ring}C1")
            if mol is None:
                break
            size = max((len(each) for each in mol.GetRingInfo().AtomRings()), default=0)
            if size >= wanted:
                yield f"C1{ring}C1"
                break


def peptide(choice: random.Random) -> Iterator[str]:
    """Two to five residues, some D, some methylated; free, capped or cyclic."""
    while True:
        kind = choice.choice(("free", "free", "capped", "capped", "cyclic"))
        n = choice.randint(3, 5) if kind == "cyclic" else choice.randint(1 if kind == "capped" else 2, 5)
        chain = [_residue(choice) for _ in range(n)]
        if kind == "cyclic":
            if chain[0].startswith("N1"):  # proline would close its ring with the peptide's
                continue
            yield chain[0].replace("N", "N6", 1) + "".join(chain[1:])[: -len("C(=O)")] + "C6=O"
        elif kind == "capped":
            yield "CC(=O)" + "".join(chain) + choice.choice(("N", "NC", "OC"))
        else:
            yield "".join(chain) + "O"


def _residue(choice: random.Random) -> str:
    if choice.random() < 0.1:
        return choice.choice(("N1CCC[C@H]1C(=O)", "N1CCC[C@@H]1C(=O)", "NC(C)(C)C(=O)", "NCCC(=O)"))
    side = SIDES[choice.choice(list(SIDES))]
    nitrogen = "N(C)" if choice.random() < 0.1 else "N"
    if not side:
        return f"{nitrogen}CC(=O)"
    hand = "[C@@H]" if choice.random() < 0.8 else "[C@H]"
    return f"{nitrogen}{hand}({side})C(=O)"


def sugar(choice: random.Random) -> Iterator[str]:
    """Sugars, their glycosides, nucleosides and phosphates; every centre is open."""
    while True:
        yield choice.choice(SUGARS).format(r=choice.choice(AGLYCONES))


def steroid(choice: random.Random) -> Iterator[str]:
    """Frames of steroids with one group."""
    while True:
        yield choice.choice(STEROIDS).format(r=choice.choice(STEROID_GROUPS))


def zwitterion(choice: random.Random) -> Iterator[str]:
    """A cation and an anion on a linker."""
    while True:
        yield choice.choice(LINKERS).format(a=choice.choice(CATIONS), b=choice.choice(ANIONS))


def ion(choice: random.Random) -> Iterator[str]:
    """Two cations or two anions on a linker, or one and something neutral."""
    while True:
        kind = choice.choice((CATIONS, ANIONS))
        other = kind if choice.random() < 0.4 else ("C", "O", "F", "I", "c7ccccc7", "C#N", "P(C)C", "C=C", "OC")
        yield choice.choice(LINKERS).format(a=choice.choice(kind), b=choice.choice(other))


MAKERS = {
    "odd": odd, "macrocycle": macrocycle, "peptide": peptide, "sugar": sugar, "steroid": steroid,
    "zwitterion": zwitterion,
    "ion": ion,
}  # fmt: skip
"""Endless sources of SMILES by class; many do not parse or are there already."""
