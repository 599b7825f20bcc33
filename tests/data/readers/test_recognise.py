"""Which reader a path belongs to."""

from __future__ import annotations

import pytest

from eginterpolator.data.readers.recognise import open_source
from eginterpolator.errors import InputError


def test_what_is_not_recognised_says_what_would_be(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing that can be imported"):
        open_source([tmp_path / "empty"])
    with pytest.raises(InputError, match="no file or folder"):
        open_source([tmp_path / "none"])
    with pytest.raises(InputError, match="is not a format"):
        open_source([tmp_path / "empty"], "word")
