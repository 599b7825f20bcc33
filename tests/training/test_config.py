"""Settings of a run: read as they are meant, or named in one sentence."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.training.config import load_config

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(
    "override, message",
    [
        ("data.batchsize=3", r"'data.batchsize' is not a setting; known are axes, "),
        ("colour=red", "'colour' is not a setting"),
        ("optimiser={rate: 1}", "'optimiser.rate' is not a setting"),
        ("data.sources=[{store: a.h5}]", "'data.sources.store' is not a setting"),
        ("data.sources={stores: [a.h5]}", "'data.sources' must be a list, not"),
        ("data=5", "'data' must hold keys and values, not '5'"),
        ("max_steps=many", "'max_steps' must be a whole number, not 'many'"),
        ("max_steps=2.5", "'max_steps' must be a whole number, not '2.5'"),
        ("optimiser.learning_rate=fast", "'optimiser.learning_rate' must be a number, not 'fast'"),
        ("data.strides=4", "'data.strides' must be a list, not '4'"),
        ("data.sources.stores=1", "cannot be overridden"),
        ("max_steps", "'max_steps' is not an override; write key=value"),
        ("name=[", "not valid YAML"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(folder, override, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config(folder / "one.yaml", [override])
    assert "\n" not in str(caught.value)


def test_numbers_are_read_as_they_are_meant(folder):
    config = load_config(folder / "one.yaml", ["optimiser.learning_rate=1e-4", "max_steps=2e3", "seed=7"])
    assert config.optimiser.learning_rate == 1e-4 and config.max_steps == 2000 and type(config.max_steps) is int
    assert config.seed == 7 and config.data.strides == (1,) and config.data.batch_size == 8


def test_files_that_are_no_config_are_named(tmp_path):
    with pytest.raises(InputError, match="no config"):
        load_config(tmp_path / "none.yaml")
    for content, message in (("a: [", "not valid YAML"), ("- a", "must hold keys"), ("name: x\nout: y", "'model'")):
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(InputError, match=message):
            load_config(tmp_path / "bad.yaml")
