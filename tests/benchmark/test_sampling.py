"""Samples of a study: conformers of all seeds, MD of equal seconds."""

from __future__ import annotations

from pathlib import Path

from eginterpolator.benchmark.config import load_study
from eginterpolator.benchmark.data import trajectory_molecules
from eginterpolator.benchmark.sampling import Made, md_note, short_md
from eginterpolator.generation.etkdg import etkdg_conformers
from eginterpolator.simulation.starts import kabsch_rmsd, start_conformers
from tests.builders.conformers import FLEXIBLE, embedded
from tests.builders.study import MOLECULES


def test_conformers_of_seed_zero_are_not_one_structure():
    """RDKit takes the seed times the conformer's number: the seed 0 is the same for all of them."""
    molecule, _ = embedded(FLEXIBLE)
    for frames in (etkdg_conformers(molecule, 6, seed=0).positions, start_conformers(molecule, 3, seed=0)):
        assert kabsch_rmsd(frames[:, : molecule.n_heavy], frames[0, : molecule.n_heavy]).max() > 0.3


def test_md_of_equal_seconds_needs_the_seconds(study_file, tmp_path):
    task = load_study(study_file).unconditional
    made = short_md(trajectory_molecules(Path(task.reference)), task, tmp_path, 0, {}, forward=False)
    assert set(made.failures) == set(MOLECULES) and "whose time it should take" in made.failures["chain"]


def test_a_row_of_md_says_its_engine_and_whether_the_time_was_needed(study_file):
    task = load_study(study_file).unconditional
    lanes = {"engine": "lanes", "n_frames": task.n_frames, "seconds": 2.0, "seconds_to_equal": 40.0}
    before = {"n_frames": 2, "seconds": 9.0, "seconds_to_equal": 8.0}
    assert md_note(Made(Path(), {}), task) == ""
    assert md_note(Made(Path(), {"chain": lanes}), task) == (
        "by lanes: 2 s of the 40 s given; the whole length for 1 of 1 molecules"
    )
    assert md_note(Made(Path(), {"chain": lanes, "stiff": before}), task) == (
        "by lanes and openmm: 11 s of the 48 s given; the whole length for 1 of 2 molecules"
    )
