"""What the worker does with an order is what `egi generate` does."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.models.choice import Models
from eginterpolator.serve.orders import Order
from eginterpolator.serve.results import results
from eginterpolator.serve.worker import carry_out

pytestmark = pytest.mark.usefixtures("no_lanes")
"""Frames are in the network's order."""

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_an_order_makes_the_folder_that_generate_makes(tiny, tmp_path, egi):
    told = []
    order = Order("CCO", frames=6, samples=2, seed=3)
    end = carry_out(order, tmp_path / "served" / "one", Models.of(tiny), told.append)
    assert end == {"kind": "end", "reason": None, "kept": True}
    shares = [event["share"] for event in told]
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == 1.0
    assert told[0]["phase"] == "generating" and told[-1]["phase"] == "writing the report"
    assert egi("generate", "CCO", "--samples", 2, "--seed", 3, "--out", "direct").code == 0
    for name in ("trajectory_000.xtc", "trajectory_001.xtc", "molecule.sdf", "topology.pdb"):
        made = (tmp_path / "served" / "one" / "CCO" / name).read_bytes()
        assert made == (tmp_path / "direct" / "CCO" / name).read_bytes(), name
    (result,) = results(tmp_path / "served")
    assert result.shown()["seed"] == 3


def test_a_molecule_that_does_not_fit_is_refused_with_the_sentence_of_the_command(tiny, tmp_path, egi):
    smiles = "C" * 13
    with pytest.raises(InputError) as error:
        carry_out(Order(smiles, frames=6), tmp_path / "served", Models.of(tiny), lambda event: None)
    assert egi("generate", smiles).err.strip() == f"egi: {error.value}"
    assert not (tmp_path / "served").exists()


def test_a_result_without_use_is_kept_and_says_why(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("eginterpolator.generation.quality.USABLE", 1.1)
    end = carry_out(Order("CCO", frames=6), tmp_path / "served", Models.of(tiny), lambda event: None)
    assert end["kept"] and end["reason"].startswith("nothing usable came out")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"clock": "network", "frame_ps": 20.8}, "--frame-ps needs --clock measured"),
        ({"temperature_K": 400.0}, "`egi simulate` does"),
        ({"solvent": "none"}, "`egi simulate` does"),
    ],
)
def test_clock_solvent_and_temperature_are_those_of_the_command(tiny, tmp_path, asked, said):
    with pytest.raises(InputError, match=said):
        carry_out(Order("CCO", frames=30, **asked), tmp_path / "served", Models.of(tiny), lambda event: None)
