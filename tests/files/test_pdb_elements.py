"""Elements of PDB files without columns 77 and 78: names, and whether the residue is an ion."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.pdb import load_pdb, named_elements


@pytest.mark.parametrize(
    ("name", "alone", "numbers"),
    [
        ("CL1", False, (17, 6)), ("Cl12", False, (17, 6)), ("CL", True, (17, 6)), ("BR", False, (35, 5)),
        ("BR1", False, (35, 5)), ("SI1", False, (14, 16)), ("SE", False, (34, 16)), ("C1", False, (6,)),
        ("C", False, (6,)), ("CA", False, (6, 20)), ("CA", True, (20, 6)), ("NA", True, (11, 7)),
        ("NA", False, (7, 11)), ("HG1", False, (1, 80)), ("1HB", False, (1,)), ("HO", False, (1, 67)),
        ("D1", False, (1,)), ("CD2", False, (6, 48)), ("O5'", False, (8,)), ("N", False, (7,)), ("P", False, (15,)),
        ("F1", False, (9,)), ("FE", True, (26, 9)), ("I", False, (53,)), ("*", False, ()), ("Q1", False, ()),
        ("K", True, (19,)), ("ZN", True, (30,)),
    ],
)  # fmt: skip
def test_what_a_name_allows(name, alone, numbers):
    assert named_elements(name, 1 if alone else 12) == numbers


@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("name", [" CL1", "CL1 ", " Cl1", "Cl1 "])
def test_chlorine_is_chlorine_wherever_its_name_stands(tmp_path, name, column):
    end = "          CL" if column else ""
    lines = [
        f"HETATM    1 {name} LIG A   1       0.000   0.000   0.000  1.00  0.00{end}",
        f"HETATM    2  C1  LIG A   1       1.780   0.000   0.000  1.00  0.00{'           C' if column else ''}",
        "HETATM    3 NA    NA A   2       9.000   0.000   0.000  1.00  0.00",
    ]
    for models in (1, 3):
        text = "".join(f"MODEL     {k:4d}\n" + "\n".join(lines) + "\nENDMDL\n" for k in range(models))
        (tmp_path / "a.pdb").write_text(text + "END\n")
        frames, elements = load_pdb(tmp_path / "a.pdb")
        assert [atom.element.symbol for atom in frames.topology.atoms] == [
            "Cl",
            "C",
            "Na",
        ] and frames.n_frames == models
        assert elements[0] == ((17,) if column else (17, 6))


@pytest.mark.parametrize("text", ["ATOM nonsense\n", "", "REMARK nothing here\nEND\n"])
def test_what_is_no_pdb_is_named(tmp_path, text):
    (tmp_path / "a.pdb").write_text(text)
    with pytest.raises(InputError, match=r"a\.pdb' cannot be read as a PDB file"):
        load_pdb(tmp_path / "a.pdb")
