"""What the README promises, held against the weights that ship: seeds, batches, given frames, symmetry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import MDAnalysis
import mdtraj
import numpy as np
import pytest
import torch
from rdkit import Chem

from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.models.choice import has_time
from eginterpolator.models.registry import Model, list_models, load_model
from tests.builders.networks import CHIRAL, MIRROR, frames, graphs, molecule, raw, relative_error, rotations

pytestmark = pytest.mark.slow
CONFIG = GenerationConfig(n_frames=100, n_samples=3, seed=1)  # two blocks
XTC_ROUNDING = 0.0051  # Å


@pytest.fixture(scope="module", params=[name for name in list_models() if has_time(load_model(name))])
def shipped(request) -> Model:
    """Those that put frames in an order of time."""
    return load_model(request.param)


@pytest.fixture(scope="module")
def unconditional(shipped) -> list[Trajectory]:
    return generate_trajectories(shipped, molecule(CHIRAL), CONFIG)


def test_a_seed_gives_its_bytes_again(shipped, unconditional):
    for one, same in zip(unconditional, generate_trajectories(shipped, molecule(CHIRAL), CONFIG), strict=True):
        assert one.positions.tobytes() == same.positions.tobytes()


def test_a_seed_gives_the_same_frames_whatever_the_batch(shipped):
    exact = replace(CONFIG, precision="fp32")  # products in bf16 round by the batch's shape, and sampling carries it on
    together, alone = (generate_trajectories(shipped, molecule(CHIRAL), replace(exact, batch=b)) for b in (None, 1))
    for one, single in zip(together, alone, strict=True):
        assert np.abs(one.positions - single.positions).max() <= 1e-3


def test_other_tools_read_it(unconditional, tmp_path: Path):
    unconditional[0].save(tmp_path / "made.xtc")
    unconditional[0].save(tmp_path / "topology.pdb")
    by_mdtraj = mdtraj.load(tmp_path / "made.xtc", top=tmp_path / "topology.pdb")
    by_mdanalysis = MDAnalysis.Universe(str(tmp_path / "topology.pdb"), str(tmp_path / "made.xtc")).trajectory
    assert by_mdtraj.n_frames == by_mdanalysis.n_frames == 100
    assert by_mdtraj.timestep == pytest.approx(5.2, abs=1e-3) and by_mdanalysis.dt == pytest.approx(5.2, abs=1e-3)
    unconditional[0].save(tmp_path / "made.sdf")
    mol = next(iter(Chem.SDMolSupplier(str(tmp_path / "made.sdf"), removeHs=False)))
    Chem.AssignStereochemistryFrom3D(mol)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == molecule(CHIRAL).smiles


def test_strength_zero_is_the_structure_model_bit_for_bit(shipped):
    structure = Model("structure", shipped.denoiser.structure.eval(), shipped.config)
    config = replace(CONFIG, n_samples=1, strength=0.0)  # where the noise has no memory either
    one = generate_trajectories(shipped, molecule(CHIRAL), config)
    other = generate_trajectories(structure, molecule(CHIRAL), config)
    assert one[0].positions.tobytes() == other[0].positions.tobytes()


def test_given_frames_stay(shipped, unconditional, tmp_path: Path):
    given = [Endpoint.of(unconditional[k].positions[7 * k], molecule(CHIRAL)) for k in (0, 1)]
    forward = replace(CONFIG, task="forward", n_samples=1)
    between = replace(forward, task="interpolation", n_frames=min(60, shipped.config["window"]))
    for config, ends in ((forward, {"start": given[0]}), (between, {"start": given[0], "end": given[1]})):
        made = generate_trajectories(shipped, molecule(CHIRAL), config, **ends)[0]
        made.save(tmp_path / f"{config.task}.xtc")
        made.save(tmp_path / "topology.pdb")
        read = 10 * mdtraj.load(tmp_path / f"{config.task}.xtc", top=tmp_path / "topology.pdb").xyz
        for index, end in zip((0, -1), ends.values(), strict=False):
            assert np.abs(read[index] - end.positions).max() <= XTC_ROUNDING
        assert made.meta["stereo_retention"] == 1.0


def test_rotations_translations_and_mirrors(shipped):
    x, batch = frames(CHIRAL, 16), graphs(CHIRAL)
    plain = raw(shipped.denoiser, x, batch)
    for turn in rotations(3):
        moved = raw(shipped.denoiser, x @ turn.T + torch.tensor([5.0, -3.0, 8.0]), batch)
        assert relative_error(moved, plain @ turn.T) < 1e-4
    assert relative_error(raw(shipped.denoiser, x * MIRROR, batch), plain * MIRROR) > 0.01
