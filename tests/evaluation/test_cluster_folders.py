"""Clusters of folders, conformers, datasets and trajectory files."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.analysis.clusters import ClusterSettings
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.errors import InputError
from eginterpolator.evaluation.cluster_folders import Clustered, cluster_folders, cluster_sources
from eginterpolator.files.folder import write_conformer_folder, write_molecule_folder
from eginterpolator.files.inputs import Failure
from eginterpolator.files.trajectory import ConformerEnsemble
from tests.builders.cli import rows
from tests.builders.wells import turned

TWO = ClusterSettings(count=2)


@pytest.fixture(scope="module")
def known():
    random = np.random.default_rng(0)
    return turned("CCCCCC", (1, 2, 3, 4), np.repeat([180.0, 65.0], [60, 40]) + random.normal(scale=6, size=100))


def test_a_folder_gets_its_tables_and_structures(tmp_path, known):
    write_molecule_folder(tmp_path / "hexane", known.molecule, [known] * 5, {})
    for source in (tmp_path, tmp_path / "hexane"):
        (found,) = cluster_folders(source, TWO)
        assert isinstance(found, Clustered) and (found.name, found.folder.name) == ("hexane", "hexane")
        table = rows(tmp_path / "hexane" / "clusters.csv")
        assert [row["cluster"] for row in table] == ["C1", "C2"] and float(table[0]["population"]) == pytest.approx(0.6)
        assert table[0]["frames_compared"] == table[0]["frames_in_all"] == "500"
        mols = list(Chem.SDMolSupplier(str(tmp_path / "hexane" / "clusters.sdf"), removeHs=False))
        for mol, row in zip(mols, table, strict=True):
            frame = known.positions[int(row["frame"])]  # the XTC keeps hundredths of an Å
            np.testing.assert_allclose(mol.GetConformer().GetPositions(), frame, atol=0.01)
            assert mol.GetProp("cluster") == row["cluster"] and mol.GetNumAtoms() == 20
        frames = rows(tmp_path / "hexane" / "cluster_frames.csv")
        assert len(frames) == 500 and frames[0] == {"sample": "0", "frame": "0", "cluster": "C1"}
        assert frames[-1]["cluster"] == "C2"


def test_conformers_have_no_times(tmp_path, known):
    write_conformer_folder(tmp_path / "hexane", ConformerEnsemble(known.molecule, known.positions), {})
    (found,) = cluster_folders(tmp_path, TWO)
    table = rows(tmp_path / "hexane" / "clusters.csv")
    assert isinstance(found, Clustered) and [row["time_ps"] for row in table] == ["", ""]
    assert (
        float(table[0]["population"]) == pytest.approx(0.6) and table[0]["interval_from"] == "10 blocks of 1 trajectory"
    )


def test_a_trajectory_file_of_another_program(tmp_path, known, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known.save(tmp_path / "run.dcd")
    known.save(tmp_path / "top.pdb")
    options = ImportOptions(topology=tmp_path / "top.pdb", molecule="CCCCCC", frame_ps=2.0)
    (found,) = cluster_folders(tmp_path / "run.dcd", TWO, options=options)
    assert isinstance(found, Clustered) and found.folder.samefile("clusters/run")
    table = rows(tmp_path / "clusters" / "run" / "clusters.csv")
    assert float(table[1]["time_ps"]) == 2.0 * int(table[1]["frame"])
    (other,) = cluster_folders(tmp_path / "run.dcd", TWO, tmp_path / "here", options)
    assert (tmp_path / "here" / "run" / "clusters.sdf").is_file() and isinstance(other, Clustered)


def test_what_fails_is_named_and_the_others_go_on(tmp_path, known):
    write_molecule_folder(tmp_path / "hexane", known.molecule, [known], {})
    one = turned("CCO", (0, 1, 2, 8), np.array([60.0]))
    write_molecule_folder(tmp_path / "ethanol", one.molecule, [one], {"frame_ps": 5.0})
    found = {each.name: each for each in cluster_folders(tmp_path, TWO)}
    assert isinstance(found["ethanol"], Failure) and "one frame" in found["ethanol"].reason
    assert isinstance(found["hexane"], Clustered)
    with pytest.raises(InputError, match="no molecule folders"):
        cluster_sources(tmp_path / "nowhere")
