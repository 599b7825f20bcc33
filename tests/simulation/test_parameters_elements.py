"""Elements that the force field has no parameters for: one sentence, and the other molecules go on."""

from __future__ import annotations

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.parameters import openff_molecule, require_elements
from eginterpolator.simulation.protocol import ImplicitProtocol


@pytest.mark.parametrize(
    ("smiles", "named"),
    [("CCB(O)O", "B"), ("C[Si](C)(C)C", "Si"), ("CC[Se]C", "Se"), ("C[Si](C)(C)CB(O)O", "B and Si")],
)
def test_boron_and_silicon_are_refused_in_one_sentence(smiles, named):
    molecule = Molecule.from_smiles(smiles)
    with pytest.raises(InputError) as error:
        openff_molecule(molecule, ImplicitProtocol())
    assert str(error.value) == (
        f"The force field has no parameters for {named} in {molecule.smiles}; it takes molecules of "
        "H, C, N, O, F, P, S, Cl, Br and I."
    )


def test_what_it_has_is_taken():
    for smiles in ("CCO", "CSC", "CCl", "CBr", "CI", "CF", "COP(=O)(O)O", "CN"):
        require_elements(Molecule.from_smiles(smiles))


def test_the_command_lists_it_and_goes_on(egi, tmp_path):
    (tmp_path / "m.smi").write_text("CCB(O)O boron\n[H]O[H] water\n")
    words = ("simulate", "m.smi", "--replicas", 1, "--ns", 0.001, "--save-ps", 0.4, "--out", "out")
    result = egi(*words)
    assert result.code == 1 and result.err.count("failed: boron: The force field has no parameters for B") == 1
    assert "1 done, 1 failed" in result.out and "Traceback" not in result.err
