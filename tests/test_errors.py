"""Errors are sentences: long SMILES are cut, and one base catches all."""

from __future__ import annotations

import pytest

from eginterpolator.errors import EGIError, GenerationError, InputError, shortened


def test_long_text_is_cut_to_the_limit_and_short_text_stays():
    assert shortened("C" * 60) == "C" * 60
    assert shortened("C" * 61) == "C" * 57 + "..." and len(shortened("C" * 500, 20)) == 20


@pytest.mark.parametrize("kind", [InputError, GenerationError])
def test_one_base_catches_all(kind):
    with pytest.raises(EGIError, match="why"):
        raise kind("why")
