"""GEOM as it is published: summaries, pickles, weights."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.data.build import build
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.data.readers.recognise import open_source
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from tests.builders.foreign import ALKENE, HARTREE, mol, read, same_structure
from tests.builders.networks import CHIRAL, MIRRORED, molecule


def conformer(smiles: str, energy: float = -10.0, weight: float = 0.5, **change) -> dict:
    facts = {"geom_id": 1, "set": 1, "degeneracy": 1, "totalenergy": energy, "relativeenergy": 0.0}
    return {**facts, "boltzmannweight": weight, "conformerweights": [weight], "rd_mol": mol(smiles), **change}


@pytest.fixture
def geom(tmp_path) -> Path:
    """summary_qm9.json with eight molecules, of which two are good."""
    root = tmp_path / "rdkit_folder"
    (root / "qm9").mkdir(parents=True)
    flat = Chem.MolFromSmiles("CCO")
    torn = mol("CCN")
    torn.GetConformer().SetAtomPosition(0, [9.0, 9.0, 9.0])
    molecules: dict[str, list[dict]] = {
        CHIRAL: [
            conformer(CHIRAL, -10.0, 0.5),
            conformer(MIRRORED, -9.9, 0.2),
            conformer(CHIRAL, -9.8, 0.3, rd_mol=mol(CHIRAL, 1.0)),
            conformer("CCO"),
        ],
        ALKENE: [conformer(ALKENE, weight=0.1), conformer(ALKENE, weight=0.9)],
        "CCCC": [conformer("CC(C)C")],
        "CCO": [conformer("CCO", rd_mol=flat)],
        "CCN": [conformer("CCN", rd_mol=torn)],
    }
    summary: dict[str, dict] = {}
    for number, (smiles, conformers) in enumerate(molecules.items()):
        path = f"qm9/{number}.pickle"
        content = {"conformers": conformers, "totalconfs": 9, "temperature": 298.15, "charge": 0}
        (root / path).write_bytes(pickle.dumps(content))
        summary[smiles] = {"charge": 0, "uniqueconfs": len(conformers), "pickle_path": path}
    summary["CCF"] = {"charge": 0}
    summary["CCCl"] = {"pickle_path": "qm9/none.pickle"}
    summary["CCBr"] = {"pickle_path": "qm9/evil.pickle"}
    (root / "qm9" / "evil.pickle").write_bytes(b"cposix\nsystem\n(S'touch " + os.fsencode(root / "mark") + b"'\ntR.")
    (root / "summary_qm9.json").write_text(json.dumps(summary))
    return root


def test_geom_as_published(geom):
    records, dropped = read(open_source([geom.parent]))
    assert list(records) == ["qm9_000000", "qm9_000001"]
    chiral = records["qm9_000000"]
    assert chiral.molecule.smiles == molecule(CHIRAL).smiles and chiral.ensemble == "minimum"
    np.testing.assert_allclose(chiral.energies_kcal, np.array([-10.0, -9.8]) * HARTREE)
    np.testing.assert_allclose(chiral.weights, [0.625, 0.375])
    same_structure(chiral.conformers[0], mol(CHIRAL), chiral)
    same_structure(chiral.conformers[1], mol(CHIRAL, 1.0), chiral)
    assert dropped.counts == {
        "its graph is not that of its SMILES": 1,
        "no 3D structure": 1,
        "a structure whose bonds are not those of its graph": 1,
        "no conformers in the summary": 1,
    }
    assert dropped.structures == {
        "a conformer of another stereoisomer": 1,
        "its graph is not that of its SMILES": 1,
    }
    assert dropped.names["a conformer of another stereoisomer"] == ["qm9_000000"]
    assert "no file" in dropped.failures["qm9_000006"] and "posix.system" in dropped.failures["qm9_000007"]
    assert not (geom / "mark").exists()


def test_geom_keeps_the_conformers_of_the_largest_weights(geom):
    records, _ = read(open_source([geom / "summary_qm9.json"], options=ImportOptions(most=1)))
    assert [len(record.conformers) for record in records.values()] == [1, 1]
    assert records["qm9_000000"].energies_kcal == pytest.approx([-10.0 * HARTREE])
    np.testing.assert_allclose(records["qm9_000001"].weights, [1.0])


def test_geom_becomes_a_store_with_its_counts(geom, tmp_path):
    (tmp_path / "test.smi").write_text(f"{MIRRORED} the other isomer\n")
    manifest = build(open_source([geom]), tmp_path / "geom.h5", exclude=[tmp_path / "test.smi"])
    assert manifest["molecules"] == 1 and manifest["dropped"]["excluded, for example as a test molecule"] == 1
    assert sum(manifest["dropped"].values()) + len(manifest["failures"]) + manifest["molecules"] == 8
    assert manifest["inputs"].keys() == {"summary_qm9.json"}
    with Store(tmp_path / "geom.h5") as store:
        got = store["qm9_000001"]
        assert got.molecule.smiles == molecule(ALKENE).smiles and len(got.conformers) == 2
        assert got.source == "GEOM, CREST GFN2-xTB"


def test_geom_with_several_summaries_asks_which(geom):
    (geom / "summary_drugs.json").write_text("{}")
    with pytest.raises(InputError, match=r"several summaries \(drugs, qm9\); choose one with --subset"):
        open_source([geom])
    assert open_source([geom], options=ImportOptions(subset="qm9")).total == 8
    with pytest.raises(InputError, match="No molecule .* is left"):
        build(open_source([geom], options=ImportOptions(subset="drugs")), geom / "out.h5")
    assert not list(geom.glob("*.h5*"))
    (geom / "summary_drugs.json").write_text("[1")
    with pytest.raises(InputError, match="no valid JSON"):
        open_source([geom / "summary_drugs.json"])
