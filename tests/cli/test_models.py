"""`egi models`: shown, exported, used."""

from __future__ import annotations

from tests.builders.cli import sentence


def test_models(egi, tmp_path, tiny_folder):
    result = egi("models", "show", tiny_folder)
    assert result.code == 0 and '"window": 8' in result.out
    (tiny_folder / "card.md").write_text("A card.")
    assert egi("models", "show", tiny_folder).out.startswith("A card.")
    assert egi("models", "export", tiny_folder, "mine").code == 0
    assert egi("generate", "CCO", "--model", "mine").code == 0
    sentence(egi("models", "export", tiny_folder, "mine"), "'mine' exists")


def test_the_list_says_sizes_solvents_and_temperatures(egi):
    (line,) = [line for line in egi("models", "list").out.splitlines() if line.startswith("qm9-obc2")]
    assert line.endswith("frames of 5.2 ps\tup to 9 heavy atoms\timplicit water 300 K, minima")
