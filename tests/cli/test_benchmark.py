"""`egi benchmark` says what is wrong."""

from __future__ import annotations

from eginterpolator.benchmark.config import find_config
from tests.builders.cli import sentence


def test_the_command_says_what_is_wrong(egi, study_file):
    sentence(egi("benchmark", "drugs", "--config", study_file), "is a study of qm9, not of drugs")
    sentence(egi("benchmark", "qm9", "--config", study_file.parent / "none.yaml"), "There is no config")
    sentence(egi("benchmark", "qm9", "--config", study_file, "--only", "GeoDTM"), "has no system 'GeoDTM'")
    text = study_file.read_text().replace("train.h5", "lost.h5")
    (study_file.parent / "lost.yaml").write_text(text)
    result = egi("benchmark", "qm9", "--config", study_file.parent / "lost.yaml", "--only", "BasicES", "-q")
    sentence(result, "lost.h5")
    assert find_config("qm9", "tiny").name == "qm9_tiny.yaml"
