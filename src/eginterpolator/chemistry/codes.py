"""What the numbers of the featuriser mean: its codes, in the order that weights were trained with. No RDKit here."""

from __future__ import annotations

FEATURIZER_VERSION = 1
ENSEMBLES = ("thermal", "minimum")
"""What a structure is a sample of: 300 K in implicit water, or a relaxed geometry."""
ELEMENTS = ("B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")
HYBRIDISATIONS = ("S", "SP", "SP2", "SP3", "SP3D")
RING_SIZES = (3, 4, 5, 6, 7, 8)

# name of the column -> number of codes
COLUMNS: dict[str, int] = {
    "element": len(ELEMENTS),
    "aromatic": 2,
    "hybridisation": len(HYBRIDISATIONS) + 1,
    "hydrogens": 5,
    "degree": 8,
    "formal_charge": 6,
    "ring_count": 4,
    **{f"ring_{size}": 2 for size in RING_SIZES},
    "chirality": 3,
}

EDGE_TYPES = (
    "none", "single", "double", "triple", "aromatic", "hop2", "hop3", "hop4", "hop5", "hop6", "far", "cis", "trans",
)  # fmt: skip
EDGE_HOPS = (0, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 3, 3)
CHIRALITY_COLUMN = list(COLUMNS).index("chirality")
