"""Metrics against hand-worked cases and against scipy, RDKit, mdtraj and deeptime."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from eginterpolator.chemistry.features import FeatureSet, angles, lengths, torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo, stereo_retention
from eginterpolator.chemistry.torsion_times import autocorrelation
from eginterpolator.chemistry.validity import frame_checks, frame_valid, mean_lengths, out_of_plane, valid_share
from eginterpolator.errors import InputError
from eginterpolator.evaluation import msm
from eginterpolator.evaluation.comparison import Reference, compare
from eginterpolator.evaluation.distributions import (
    bootstrap,
    feature_jsd,
    feature_values,
    feature_wasserstein,
    histograms,
    jensen_shannon,
    outside_range,
    wasserstein,
)
from eginterpolator.evaluation.kinetics import decorrelation_histograms, decorrelation_times, fit_tica, projection_jsd
from eginterpolator.evaluation.msm import fit_states
from eginterpolator.evaluation.trajectories import summarise
from tests.builders.conformers import FLEXIBLE, embedded, walk


@pytest.fixture
def few_states(monkeypatch):
    """PCCA with 3 states."""
    monkeypatch.setattr(msm, "METASTABLE", 3)


# --- distributions ---------------------------------------------------------------------------------------------------


def test_jensen_shannon_is_scipys():
    random = np.random.default_rng(0)
    p, q = random.integers(0, 9, (2, 20, 100))
    assert np.allclose(jensen_shannon(p, q), jensenshannon(p, q, axis=1), atol=1e-12)
    assert jensen_shannon(np.array([1, 0]), np.array([0, 5])) == pytest.approx(np.sqrt(np.log(2)))
    # p = (1/2, 1/2), q = (1, 0): m = (3/4, 1/4), by hand
    by_hand = (0.5 * np.log(2 / 3) + 0.5 * np.log(2) + np.log(4 / 3)) / 2
    assert jensen_shannon(np.array([2, 2]), np.array([3, 0])) == pytest.approx(np.sqrt(by_hand))
    assert jensen_shannon(p, 3 * p).max() == pytest.approx(0, abs=1e-7)


def test_values_outside_the_range_count_in_the_edge_bins():
    values = np.array([[-1e30, 0.0], [0.5, 0.999], [1.0, 2.0], [1e30, 0.25]])
    counts = histograms(values, 0.0, 1.0, 4)
    assert counts.tolist() == [[1, 0, 1, 2], [1, 1, 0, 2]]
    inside = np.random.default_rng(0).uniform(0, 1, (500, 1))
    assert (histograms(inside, 0.0, 1.0, 10)[0] == np.histogram(inside, 10, (0, 1))[0]).all()


def test_long_bonds_are_counted_as_outside():
    molecule, frames = embedded("CCO")
    stretched = frames.copy()
    stretched[:5, 2] += 100.0
    features = FeatureSet.of(molecule)
    assert outside_range(feature_values(features, [frames])) == {"length": 0, "angle": 0}
    assert outside_range(feature_values(features, [frames, stretched]))["length"] == 5


def test_feature_jsd_is_scipys_on_the_pooled_frames():
    molecule, _ = embedded(FLEXIBLE)
    ours, theirs = [walk(FLEXIBLE, 60, k) for k in (1, 2)], [walk(FLEXIBLE, 80, 3)]
    features = FeatureSet.of(molecule)
    found = feature_jsd(features, ours, theirs)
    for k, pair in enumerate(features.bonds):
        sides = [np.linalg.norm(x[:, pair[0]] - x[:, pair[1]], axis=1) for x in (np.concatenate(ours), theirs[0])]
        expected = jensenshannon(*(np.histogram(side, 100, (1.0, 2.2))[0] for side in sides))
        assert found["length"][k] == pytest.approx(expected, abs=1e-9)
    assert [len(found[kind]) for kind in ("length", "angle", "torsion")] == [6, 6, 3]


def test_bootstrap_is_that_of_whole_molecules_drawn_one_by_one():
    arrays = [np.random.default_rng(k).normal(k % 3, 1, 5 + k) for k in range(20)]
    found = bootstrap(arrays, seed=1)
    random = np.random.default_rng(1)
    draws = [np.concatenate([arrays[i] for i in row]) for row in random.integers(20, size=(1000, 20))]
    assert found["mean_95"] == pytest.approx(np.quantile([d.mean() for d in draws], [0.025, 0.975]))
    assert found["median_95"] == pytest.approx(np.quantile([np.median(d) for d in draws], [0.025, 0.975]))
    joint = np.concatenate(arrays)
    assert (found["mean"], found["median"], found["count"]) == (joint.mean(), np.median(joint), len(joint))
    assert bootstrap(arrays[:1])["mean_95"] == pytest.approx([arrays[0].mean()] * 2)


def test_wasserstein_is_scipys_on_a_line_and_an_optimal_assignment_on_a_circle():
    random = np.random.default_rng(0)
    for n, m in ((40, 40), (7, 31), (1, 5)):
        u, v = random.normal(0, 1, n), random.normal(0.4, 2, m)
        assert wasserstein(u, v) == pytest.approx(wasserstein_distance(u, v))
    for centre in (0.0, 1.0, np.pi):
        u, v = (random.vonmises(centre + k, 1.5, 50) for k in (0.0, 2.8))
        cost = np.abs(np.angle(np.exp(1j * (u[:, None] - v))))
        rows, columns = linear_sum_assignment(cost)
        assert wasserstein(u, v, 2 * np.pi) == pytest.approx(cost[rows, columns].mean())
    assert wasserstein(np.array([3.1]), np.array([-3.1]), 2 * np.pi) == pytest.approx(2 * np.pi - 6.2)
    assert wasserstein(np.array([0.2, 1.0]), np.array([1.0, 0.2])) == 0


def test_feature_wasserstein_has_the_units_it_says():
    molecule, frames = embedded("CCCO")
    features = FeatureSet.of(molecule)
    values = feature_values(features, [frames])
    shifts = {"length": 0.1, "angle": -np.radians(3), "torsion": np.radians(7)}
    moved = {kind: values[kind] + shift for kind, shift in shifts.items()}
    found = feature_wasserstein(moved, values)
    assert np.allclose(found["length"], 0.1) and np.allclose(found["angle"], 3)
    assert np.all(found["torsion"] <= 7 + 1e-9) and found["torsion"].max() > 0


# --- features --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smiles", [FLEXIBLE, "C1CCCCC1CO", "O=C(N)c1ccccc1OC"])
def test_internal_coordinates_are_rdkits(smiles):
    molecule, frames = embedded(smiles)
    features = FeatureSet.of(molecule)
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(molecule.n_atoms)
    for frame in frames[:3]:
        conformer.SetPositions(frame)
        for atoms, function, reference in (
            (features.bonds, lengths, rdMolTransforms.GetBondLength),
            (features.angles, angles, rdMolTransforms.GetAngleRad),
            (features.torsions, torsions, rdMolTransforms.GetDihedralRad),
        ):
            expected = [reference(conformer, *(int(a) for a in row)) for row in atoms]
            assert len(atoms) and np.allclose(function(frame[None], atoms)[0], expected, atol=1e-6)


def test_torsions_are_mdtrajs():
    mdtraj = pytest.importorskip("mdtraj")
    molecule, frames = embedded(FLEXIBLE)
    quadruples = torsion_quadruples(molecule)
    expected = mdtraj.compute_dihedrals(mdtraj.Trajectory(frames / 10, None), quadruples)
    difference = torsions(frames, quadruples) - expected
    assert np.abs(np.angle(np.exp(1j * difference))).max() < 1e-3


@pytest.mark.parametrize(
    ("smiles", "count"),
    [
        ("C", 0),
        ("CCC", 0),
        ("CCCC", 1),
        ("c1ccccc1", 0),  # wholly aromatic
        ("C1CCCCC1", 6),
        ("C1CC1", 0),  # three atoms have no torsion
        ("C[C@H]1CO1", 0),
        ("CCC1CC1", 1),
        ("CC(C)C(C)C", 1),  # equivalent quadruples: one
        ("CC#CC", 0),
    ],
)
def test_which_torsions_there_are(smiles, count):
    quadruples = torsion_quadruples(Molecule.from_smiles(smiles))
    assert quadruples.shape == (count, 4)
    assert all(len(set(row)) == 4 for row in quadruples.tolist())


# --- stereo ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smiles", [FLEXIBLE, "C[C@@](F)(Cl)CO", "O[C@H]1CC[C@@H](C)C1", "C[C@]1(O)CO[C@@H](CO)C1"])
def test_mirrored_frames_have_lost_their_stereo(smiles):
    molecule, frames = embedded(smiles)
    mirrored = frames * [1, 1, -1]
    assert stereo_retention(molecule, frames) == 1 and stereo_retention(molecule, mirrored) == 0
    mixed = np.concatenate([frames[:3], mirrored[:1]])
    assert frame_stereo(molecule, mixed[:, : molecule.n_heavy]).tolist() == [True, True, True, False]


def test_cis_and_trans_differ():
    cis, frames = embedded("C/C=C\\CO")
    trans = Molecule.from_smiles("C/C=C/CO")
    assert cis.has_stereo and stereo_retention(cis, frames) == 1 and stereo_retention(trans, frames) == 0
    assert stereo_retention(cis, -frames) == 1  # mirror images keep it


def test_without_stereo_there_is_nothing_to_lose_and_nan_is_not_right():
    molecule, frames = embedded("CCO")
    assert not molecule.has_stereo and stereo_retention(molecule, -frames) == 1
    broken = frames[:2].copy()
    broken[1, 0, 0] = np.nan
    assert frame_stereo(molecule, broken).tolist() == [True, False]
    chiral, frames = embedded(FLEXIBLE)
    broken = frames[:3].copy()
    broken[0, 3], broken[1, 1, 1] = np.nan, np.inf
    assert frame_stereo(chiral, broken).tolist() == [False, False, True]


# --- validity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "smiles",
    [
        FLEXIBLE,
        "c1ccsc1C(=O)NC",
        "CS(=O)(=O)Nc1ccc(Cl)cc1",
        "FC(F)(F)C#N",
        "BrCCI",
        "COP(=O)(OC)OC",
        "C1CC11CC1",
        "NC(=O)c1ccccc1O",
        "C",
    ],
)
def test_relaxed_structures_with_a_little_noise_are_valid(smiles):
    molecule, frames = embedded(smiles)
    noisy = np.repeat(frames, 5, axis=0)
    noisy = noisy + np.random.default_rng(0).normal(0, 0.03, noisy.shape)
    assert valid_share(molecule, noisy) == 1 and valid_share(molecule, noisy[:, : molecule.n_heavy]) == 1


@pytest.mark.parametrize(("factor", "valid"), [(1.0, True), (1.25, True), (1.4, False), (0.7, False)])
@pytest.mark.parametrize("hydrogens", [True, False])
def test_a_stretched_or_short_bond_is_not_valid(factor, valid, hydrogens):
    molecule, frames = embedded("CCO")
    frames = frames[:1, : None if hydrogens else molecule.n_heavy].copy()
    own = mean_lengths(molecule, [frames])
    along = frames[0, 0] - frames[0, 1]
    moved = [0, *(a.GetIdx() for a in molecule.rdmol.GetAtomWithIdx(0).GetNeighbors() if a.GetAtomicNum() == 1)]
    frames[0, moved if hydrogens else [0]] += along * (factor - 1)
    assert frame_valid(molecule, frames, own)[0] == valid


@pytest.mark.parametrize("hydrogens", [True, False])
def test_a_clash_is_not_valid(hydrogens):
    molecule, frames = embedded("CCCCCC")
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(molecule.n_atoms)
    conformer.SetPositions(frames[0])
    mol.AddConformer(conformer)
    for k in range(3):  # all bonds kept, but the chain bites its tail
        rdMolTransforms.SetDihedralDeg(mol.GetConformer(), k, k + 1, k + 2, k + 3, 0.0)
    folded = mol.GetConformer().GetPositions()[None, : None if hydrogens else molecule.n_heavy]
    assert np.linalg.norm(folded[0, 0] - folded[0, 5]) < 2.1
    assert np.allclose(lengths(folded, molecule.heavy_bonds), lengths(frames[:1], molecule.heavy_bonds), atol=1e-6)
    assert not frame_valid(molecule, folded)[0] and frame_valid(molecule, frames)[0]


def test_frames_that_are_not_finite_are_not_valid_and_lengths_must_fit():
    molecule, frames = embedded("CCO")
    broken = frames[:3].copy()
    broken[0, 0, 0], broken[1, -1, 2] = np.nan, np.inf
    assert frame_valid(molecule, broken).tolist() == [False, False, True]
    everything = lengths(frames, molecule.bonds).mean(axis=0)
    assert frame_valid(molecule, frames, everything).all()
    assert frame_valid(molecule, frames[:, : molecule.n_heavy], everything).all()
    with pytest.raises(InputError, match="reference lengths"):
        frame_valid(molecule, frames, np.ones(4))


def test_checks_tell_what_is_wrong_with_a_frame():
    molecule, frames = embedded("c1ccccc1CC(=O)O")
    known = feature_values(FeatureSet.of(molecule), [frames])["angle"].mean(axis=0)
    bent = frames[:4].copy()
    ring = [a.GetIdx() for a in molecule.heavy_mol.GetAromaticAtoms()]
    normal = np.cross(bent[0, ring[1]] - bent[0, ring[0]], bent[0, ring[2]] - bent[0, ring[0]])
    bent[0, ring[0]] += 0.6 * normal / np.linalg.norm(normal)
    bent[1] = np.nan
    checks = frame_checks(molecule, bent, None, known)
    assert checks["planarity"].tolist() == [False, False, True, True]
    assert checks["bonds"].tolist() == [True, False, True, True]
    assert frame_checks(molecule, frames)["planarity"].all() and "angles" not in frame_checks(molecule, frames)
    flat = out_of_plane(molecule, frames)
    assert flat.shape == (len(frames), 1) and flat.max() < 0.1
    # against a plane through the ring found by least squares on z = a x + b y + c, in the ring's own frame
    x = bent[0, ring] - bent[0, ring].mean(axis=0)
    _, _, axes = np.linalg.svd(x)
    assert out_of_plane(molecule, bent[:1])[0, 0] == pytest.approx(np.abs(x @ axes[2]).max())
    ethanol, frames = embedded("CCO")
    off = frame_checks(ethanol, frames[:1], None, np.radians([109.0 + 35.0]))
    assert not off["angles"][0] and frame_checks(ethanol, frames[:1], None, np.radians([112.0]))["angles"][0]
    assert out_of_plane(ethanol, frames).shape == (len(frames), 0)


# --- kinetics --------------------------------------------------------------------------------------------------------


def two_wells(n: int, seed: int, leave: float = 0.02, start: int = 0) -> np.ndarray:
    """cos and sin of one torsion that hops between two wells, and of one that does not: float64 [n, 4]."""
    random = np.random.default_rng(seed)
    well = (start + np.cumsum(random.random(n) < leave)) % 2
    values = np.stack([np.where(well, 1.0, -1.5), np.zeros(n)], axis=1) + random.normal(0, 0.15, (n, 2))
    return np.concatenate([np.cos(values), np.sin(values)], axis=1)


def test_tica_is_deeptimes():
    from deeptime.decomposition import TICA

    data = [two_wells(400, k) for k in range(3)]
    tica = fit_tica(data)
    direct = TICA(lagtime=2, scaling=None, dim=2).fit_fetch([*data])
    assert tica is not None
    assert np.allclose(np.abs(tica.project(data[0])[:, :2]), np.abs(direct.transform(data[0])), atol=1e-6)
    assert np.allclose(tica.autocorrelations[:2], direct.singular_values[:2], atol=1e-8)
    assert tica.project(np.concatenate(data))[:, 0].std() == pytest.approx(1, abs=0.05)


def test_projections_share_one_range():
    ours, theirs = np.zeros((10, 2)), np.ones((30, 2))
    assert projection_jsd(ours, theirs) == pytest.approx((np.sqrt(np.log(2)),) * 2)
    assert projection_jsd(theirs, theirs[:5]) == (0, 0)
    assert projection_jsd(ours[:, :1], theirs[:, :1])[1] is None


def test_autocorrelation_is_the_plain_sum():
    values = np.random.default_rng(0).normal(0, 1, (40, 2)).cumsum(axis=0)
    parts = [f(values) - f(values).mean(axis=0) for f in (np.cos, np.sin)]
    plain = np.array([sum((x[: 40 - k] * x[k:]).mean(axis=0) for x in parts) for k in range(40)])
    assert np.allclose(autocorrelation(values), plain / plain[0])


@pytest.mark.parametrize("frames", [5.0, 20.0, 60.0])
def test_decorrelation_time_of_an_autoregressive_torsion(frames):
    random = np.random.default_rng(3)
    factor = np.exp(-1 / frames)
    noise = random.normal(0, 0.2 * np.sqrt(1 - factor**2), (40_000, 4))
    values = np.zeros_like(noise)
    for t in range(1, len(values)):
        values[t] = factor * values[t - 1] + noise[t]
    assert decorrelation_times(values, 5.2) / 5.2 == pytest.approx(frames, rel=0.2)


def test_torsions_that_never_decorrelate_count_in_the_last_bin():
    assert np.isinf(decorrelation_times(np.full((50, 1), 1.2), 5.2)).all()
    counts = decorrelation_histograms(np.array([[np.inf, 1.0], [2000.0, 5.2], [1380.0, 10.1]]))
    assert counts.shape == (2, 275) and counts[0, -1] == 3 and counts[1, :2].tolist() == [2, 1]


def test_metastable_states_find_the_wells():
    data = [two_wells(1500, k) for k in range(4)]
    tica = fit_tica(data)
    assert tica is not None
    states = fit_states(data, tica)
    assert states is not None and states.share_outside == 0 and states.n_metastable == 10
    left, right = data[0][data[0][:, 2] < 0], data[0][data[0][:, 2] > 0]  # by the sine of the torsion
    assert not set(states.states(left)) & set(states.states(right))
    one_well = states.occupancies([two_wells(500, 9, leave=0.0)])
    far, near = (
        jensen_shannon(one_well, states.occupancies(data)),
        jensen_shannon(states.occupancies(data[:2]), states.occupancies(data)),
    )
    assert far > 0.3 > 3 * near


def test_a_disconnected_reference_is_said_to_be_so(few_states):
    data = [two_wells(800, k, leave=0.0, start=k % 2) for k in range(3)]
    tica = fit_tica(data)
    assert tica is not None
    states, again = fit_states(data, tica), fit_states(data, tica)
    assert states is not None and again is not None and (again.lumped == states.lumped).all()
    assert 0.3 < states.share_outside < 0.7
    assert states.occupancies(data).sum() == 2400


@pytest.mark.parametrize("smiles", ["c1ccccc1", "C", "C1CC1"])
def test_rigid_molecules_are_listed_and_judged(smiles):
    molecule, _ = embedded(smiles)
    result = compare(molecule, [walk(smiles, 50, 1)], [walk(smiles, 50, 2)], 5.2)
    assert (result.tica_0, result.tica_01, result.msm) == (None, None, None)
    assert "Too rigid" in result.notes[0] and result.valid == 1
    summary = summarise({"rigid": result})
    assert summary["too_rigid_for_tica"] == ["rigid"] and summary["stereo_retention"] is None
    json.dumps(summary)


def test_frozen_torsions_are_too_rigid():
    assert fit_tica([np.ones((50, 4))]) is None and fit_tica([np.zeros((2, 4))]) is None and fit_tica([]) is None


# --- one molecule ----------------------------------------------------------------------------------------------------


def test_a_trajectory_against_itself_and_against_others():
    molecule, _ = embedded(FLEXIBLE)
    reference = [walk(FLEXIBLE, 300, k) for k in range(3)]
    known = Reference.of(molecule, reference, 5.2)
    same, other, stuck = (
        known.compare(reference),
        known.compare([walk(FLEXIBLE, 300, 9)]),
        known.compare([walk(FLEXIBLE, 300, 9, among=1)]),
    )
    assert max(values.max() for values in same.jsd.values()) < 1e-7
    assert max(same.tica_0, same.tica_01, same.msm) < 1e-7
    assert other.tica_0 < stuck.tica_0 and other.msm < stuck.msm
    assert other.jsd["torsion"].mean() < stuck.jsd["torsion"].mean()
    assert (same.stereo_retention, same.valid, same.n_frames, same.has_stereo) == (1, 1, 900, True)
    mirrored = known.compare([-x for x in reference])
    assert mirrored.stereo_retention == 0 and mirrored.jsd["length"].max() < 1e-7
    assert max(values.max() for values in same.wasserstein.values()) < 1e-9
    assert other.wasserstein["torsion"].mean() < stuck.wasserstein["torsion"].mean()
    assert same.timescales_ps["generated"] == same.timescales_ps["reference"] and same.paths is None
    paths = known.compare(reference, paths=True).paths
    assert paths is not None and paths.valid == 1 and paths.paths == 3 and 0 <= paths.probability <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: np.where(np.arange(len(x))[:, None, None] == 3, np.nan, x), "not finite in 1 of 40 frames"),
        (lambda x: x[:1], "1 frame"),
        (lambda x: x[:, :3], r"shape \[40, 3, 3\]"),
    ],
)
def test_frames_that_cannot_be_judged_are_refused(change, message):
    molecule, _ = embedded(FLEXIBLE)
    frames = walk(FLEXIBLE, 40, 1)
    for ours, theirs in ((change(frames), frames), (frames, change(frames))):
        with pytest.raises(InputError, match=message):
            compare(molecule, [ours], [theirs], 5.2)
    with pytest.raises(InputError, match="no trajectory"):
        compare(molecule, [], [frames], 5.2)
