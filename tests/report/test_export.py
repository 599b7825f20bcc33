"""Folders and foreign trajectories to the formats of other programs and back."""

from __future__ import annotations

import mdtraj
import numpy as np
import pytest
from rdkit import Chem
from scipy.spatial.transform import Rotation

from eginterpolator.analysis.tables import Populations
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.errors import InputError
from eginterpolator.files.folder import write_conformer_folder, write_molecule_folder
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from eginterpolator.report.export import FORMATS, ExportSettings, export, frames_slice
from tests.builders.foreign import frames_of, mol, write_system
from tests.builders.trajectories import embedded_trajectory

CHARGED = "C[C@H]([NH3+])/C=C/C(=O)[O-]"
KEEP = {"xtc": 0.006, "dcd": 1e-4, "pdb": 6e-4, "sdf": 6e-5, "gro": 0.006, "xyz": 1e-5, "h5": 1e-5, "npz": 0.0}


@pytest.fixture
def made(tmp_path):
    """A molecule folder `in/demo` with two trajectories of 12 frames, as an XTC keeps them."""
    first = embedded_trajectory(CHARGED)
    rounded = np.round(first.positions, 2)
    pair = [Trajectory(first.molecule, x, 1.3) for x in (rounded, rounded[::-1])]
    write_molecule_folder(tmp_path / "in" / "demo", first.molecule, pair, {"frame_ps": 1.3})
    return pair


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_comes_back(tmp_path, made, kind):
    found = export(tmp_path / "in", tmp_path / "out", ExportSettings((kind,)))
    folder = tmp_path / "out" / "demo"
    assert found.molecules == ["demo"] and not found.failures and all(path.is_file() for path in found.files)
    for k, wanted in enumerate(made):
        path = folder / f"trajectory_{k:03d}.{kind}"
        read = Trajectory.load(path, folder / "molecule.sdf", 1.3 if kind in ("dcd", "pdb") else None)
        np.testing.assert_allclose(read.positions, wanted.positions, atol=KEEP[kind] + 1e-6)
        assert read.frame_ps == pytest.approx(1.3) and read.molecule.key == wanted.molecule.key
    assert (folder / "view.pml").is_file() == (kind != "h5")
    assert (folder / "view.tcl").is_file() == (kind not in ("sdf", "npz", "h5"))
    assert len(found.notes) == (2 if kind == "h5" else 1 if kind in ("sdf", "npz") else 0)


def test_records_of_an_sdf_have_bonds_charges_and_stereo(tmp_path, made):
    export(tmp_path / "in", tmp_path / "out", ExportSettings(("sdf",)))
    records = list(Chem.SDMolSupplier(str(tmp_path / "out" / "demo" / "trajectory_000.sdf"), removeHs=False))
    assert len(records) == 12
    for record in records:
        charges = [atom.GetFormalCharge() for atom in record.GetAtoms() if atom.GetFormalCharge()]
        Chem.AssignStereochemistryFrom3D(record)
        assert sorted(charges) == [-1, 1]
        assert Chem.CanonSmiles(Chem.MolToSmiles(Chem.RemoveHs(record))) == Chem.CanonSmiles(CHARGED)
        wanted, bonds = made[0].molecule.rdmol, {}
        for each, mol_of in (("found", record), ("wanted", wanted)):
            bonds[each] = {
                frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())): b.GetBondType() for b in mol_of.GetBonds()
            }
        assert bonds["found"] == bonds["wanted"]


def test_other_libraries_read_what_was_written(tmp_path, made):
    export(tmp_path / "in", tmp_path / "out", ExportSettings(("pdb", "dcd", "xtc", "gro", "h5")))
    folder = tmp_path / "out" / "demo"
    for kind, top in (("pdb", None), ("dcd", "topology.pdb"), ("xtc", "topology.pdb"), ("gro", None)):
        loaded = mdtraj.load(str(folder / f"trajectory_000.{kind}"), **({"top": str(folder / top)} if top else {}))
        np.testing.assert_allclose(10 * loaded.xyz, made[0].positions, atol=KEEP[kind] + 1e-5)
        assert [a.element.atomic_number for a in loaded.topology.atoms] == made[0].molecule.atomic_numbers.tolist()
    assert mdtraj.load(str(folder / "trajectory_000.gro")).time[-1] == pytest.approx(11 * 1.3)


def test_frames_are_chosen_and_aligned(tmp_path, made):
    export(tmp_path / "in", tmp_path / "out", ExportSettings(("npz",), frames_slice("2:12:3"), align=True))
    pair = [np.load(tmp_path / "out" / "demo" / f"trajectory_00{k}.npz") for k in (0, 1)]
    wanted = [each.positions[2:12:3] for each in made]
    np.testing.assert_allclose(pair[0]["positions"][0], wanted[0][0], atol=1e-4)
    n_heavy = made[0].molecule.n_heavy
    for written, before in zip(pair, wanted, strict=True):
        after = written["positions"]
        assert float(written["frame_ps"]) == pytest.approx(3.9) and after.shape == before.shape
        inside = [np.linalg.norm(x[:, :, None] - x[:, None], axis=-1) for x in (after, before)]
        np.testing.assert_allclose(*inside, atol=1e-4)
        target = pair[0]["positions"][0].astype(np.float64)
        for frame, was in zip(after, before, strict=True):
            kabsch = Rotation.align_vectors(*(x[:n_heavy] - x[:n_heavy].mean(axis=0) for x in (target, was)))[0]
            turned = kabsch.apply(was - was[:n_heavy].mean(axis=0)) + target[:n_heavy].mean(axis=0)
            np.testing.assert_allclose(frame, turned, atol=1e-4)


def test_frames_are_written_as_in_python():
    plain = {"1:9:2": slice(1, 9, 2), "::5": slice(None, None, 5), "-3:": slice(-3, None), ":": slice(None)}
    for text, wanted in (*plain.items(), ("4", slice(4, 5)), ("-1", slice(-1, None))):
        assert list(range(20))[frames_slice(text)] == list(range(20))[wanted]
    for text in ("", "a:b", "1:2:0", "1:2:-1", "1:2:3:4", "1.5"):
        with pytest.raises(InputError, match="first:last:step"):
            frames_slice(text)


def test_conformers_keep_their_energies(tmp_path):
    first = embedded_trajectory("CC(=O)N[C@@H](C)O", n=5)
    energies = np.array([3.0, 1.0, 2.0, 0.0, 5.5])
    write_conformer_folder(tmp_path / "in" / "demo", ConformerEnsemble(first.molecule, first.positions, energies), {})
    for source in (tmp_path / "in", tmp_path / "in" / "demo"):
        export(source, tmp_path / "out", ExportSettings(("sdf", "pdb"), slice(1, None, 2)))
        records = list(Chem.SDMolSupplier(str(tmp_path / "out" / "demo" / "conformers.sdf"), removeHs=False))
        assert [float(r.GetProp("energy_kcal")) for r in records] == [1.0, 0.0] and not records[0].HasProp("time_ps")
        np.testing.assert_allclose(records[1].GetConformer().GetPositions(), first.positions[3], atol=6e-5)
        assert mdtraj.load(str(tmp_path / "out" / "demo" / "conformers.pdb")).n_frames == 2


def test_a_foreign_trajectory_in_water(tmp_path):
    smiles = "C/C=C\\C#N"
    frame = write_system(tmp_path / "system.pdb", smiles, box=None)
    xyz = np.repeat(frame.xyz, 12, axis=0)
    solute = frames_of(smiles)
    xyz[:, : solute.shape[1]] = solute / 10
    mdtraj.Trajectory(xyz, frame.topology).save_dcd(str(tmp_path / "system.dcd"))
    options = ImportOptions(topology=tmp_path / "system.pdb", molecule=smiles, frame_ps=2.0)
    with pytest.raises(InputError, match="topology"):
        export(tmp_path / "system.dcd", tmp_path / "out")
    export(tmp_path / "system.dcd", tmp_path / "movie.sdf", options=options)
    assert {p.name for p in tmp_path.glob("movie*")} == {
        "movie.sdf",
        "movie.pml",
        "movie_molecule.sdf",
        "movie_topology.pdb",
    }
    read = Trajectory.load(tmp_path / "movie.sdf", tmp_path / "movie_molecule.sdf")
    assert read.molecule.smiles == Chem.CanonSmiles(smiles) and read.frame_ps == pytest.approx(2.0)
    heavy = np.array([atom.GetAtomicNum() for atom in mol(smiles).GetAtoms()]) > 1
    np.testing.assert_allclose(read.heavy.sum(axis=1), solute[:, heavy].sum(axis=1), atol=5e-3)


def test_one_file_of_a_folder_has_its_bond_orders(tmp_path, made):
    found = export(tmp_path / "in" / "demo" / "trajectory_001.xtc", tmp_path / "one.sdf")
    assert found.molecules == ["trajectory_001"]
    record = next(Chem.SDMolSupplier(str(tmp_path / "one.sdf"), removeHs=False))
    np.testing.assert_allclose(record.GetConformer().GetPositions(), made[1].positions[0], atol=1e-4)
    assert record.GetProp("smiles") == made[0].molecule.smiles


def test_what_cannot_be_converted_is_said_in_a_sentence(tmp_path, made):
    with pytest.raises(InputError, match="holds 2 trajectories; give --out a folder"):
        export(tmp_path / "in" / "demo", tmp_path / "one.pdb")
    with pytest.raises(InputError, match="There is no format 'pqr'; use"):
        ExportSettings(("pqr",))
    with pytest.raises(InputError, match="has 12 frames, of which --frames takes none"):
        export(tmp_path / "in", tmp_path / "out", ExportSettings(frames=slice(40, None)))
    with pytest.raises(InputError, match="is no file either"):
        export(tmp_path / "none", tmp_path / "out")
    write_molecule_folder(tmp_path / "in" / "other", made[0].molecule, made[:1], {"frame_ps": 1.3})
    with pytest.raises(InputError, match="holds 2 molecules; give --out a folder"):
        export(tmp_path / "in", tmp_path / "one.pdb")
    (tmp_path / "in" / "other" / "trajectory_000.xtc").write_bytes(b"broken")
    found = export(tmp_path / "in", tmp_path / "out")
    assert found.molecules == ["demo"] and [row["name"] for row in found.failures] == ["other"]
    assert "damaged" in found.failures[0]["reason"]


def test_states_are_the_frames_of_the_table(tmp_path, made):
    export(tmp_path / "in", tmp_path / "out", ExportSettings(("sdf", "npz"), states=True))
    table = Populations.of_trajectories(made).state_table()
    shown = [row for row in table.rows if row["sample"] is not None]
    records = list(Chem.SDMolSupplier(str(tmp_path / "out" / "demo" / "states.sdf"), removeHs=False))
    assert len(records) == len(shown) > 0
    frames = np.load(tmp_path / "out" / "demo" / "states.npz")["positions"]
    for row, record, frame in zip(shown, records, frames, strict=True):
        wanted = made[row["sample"]].positions[row["frame"]]
        np.testing.assert_allclose(record.GetConformer().GetPositions(), wanted, atol=1e-4)
        np.testing.assert_allclose(frame, wanted, atol=1e-6)
        assert record.GetProp("frame") == str(row["frame"])
        assert float(record.GetProp("population")) == pytest.approx(row["population"], rel=1e-3)
    assert sorted(p.name for p in (tmp_path / "out" / "demo").glob("trajectory*")) == []
    first = embedded_trajectory("CCCO", n=3)
    write_conformer_folder(tmp_path / "c" / "x", ConformerEnsemble(first.molecule, first.positions), {})
    with pytest.raises(InputError, match="conformers, which have no rotamer states"):
        export(tmp_path / "c", tmp_path / "out", ExportSettings(states=True))
