"""What the numbers of the featuriser mean: its codes, in the order that weights were trained with. No RDKit here."""

from __future__ import annotations

FEATURIZER_VERSION = 1
KINDS = ("thermal", "minimum")
"""What a census tells apart: structures of a simulation, and relaxed geometries."""
ENSEMBLES = ("thermal", "minimum", "vacuum", "tip3p")
"""What networks are told of a structure: one of a simulation in implicit water (or of a kind that nobody wrote down),
a relaxed geometry, one of a simulation without solvent, or in explicit water."""
TEMPERATURE_K = 300.0
"""Of structures whose temperature is not known."""
SAMPLES = ("minimum", "vacuum", "obc2", "tip3p", "thermal")
"""What a structure is a sample of: a minimum, or a simulation without solvent, in implicit or explicit water, or of a
kind that nobody wrote down."""
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


def ensemble_code(sample: str) -> int:
    """The index in `ENSEMBLES` that networks get for one of `SAMPLES`.

    Raises
    ------
    ValueError
        For another name.
    """
    if sample not in SAMPLES:
        raise ValueError(f"'{sample}' is not one of {', '.join(SAMPLES)}")
    return ENSEMBLES.index(sample) if sample in ENSEMBLES else ENSEMBLES.index("thermal")


def kind_code(sample: str) -> int:
    """The index in `KINDS` of one of `SAMPLES`; ValueError for another name."""
    return KINDS.index("minimum" if ensemble_code(sample) == ENSEMBLES.index("minimum") else "thermal")
