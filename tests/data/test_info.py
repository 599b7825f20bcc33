"""What is in a store, counted."""

from __future__ import annotations

from eginterpolator.data.info import describe
from tests.builders.records import written


def test_describe_counts_what_is_there(tmp_path):
    written(tmp_path / "a.h5")
    facts = describe(tmp_path / "a.h5")
    assert facts["molecules"] == 3 and facts["conformers"] == 6 and facts["trajectory_frames"] == 3 * 12
    assert facts["molecules_by_heavy_atoms"] == {3: 1, 5: 1, 9: 1}
    assert facts["molecules_with_element"] == {"C": 3, "H": 3, "N": 1, "O": 2}
    assert facts["molecules_by_frame_ps"] == {"0.4": 3} and facts["manifest"]["seed"] == 3
