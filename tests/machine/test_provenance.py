"""What stands beside figures: versions that are installed, and the machine."""

from __future__ import annotations

import importlib.metadata
import os

import torch

from eginterpolator.machine import provenance
from eginterpolator.machine.provenance import machine, versions


def test_versions_are_those_that_are_installed(monkeypatch):
    assert versions()["torch"] == importlib.metadata.version("torch") and versions()["eginterpolator"]

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(provenance, "version", missing)
    assert versions()["rdkit"] == "not installed" and versions()["python"]


def test_the_machine_has_a_name_cores_and_a_load():
    found = machine()
    assert found["processor"] and found["cores"] == os.cpu_count() and found["threads"] == torch.get_num_threads()
    assert found["load_average_at_start"] >= 0
