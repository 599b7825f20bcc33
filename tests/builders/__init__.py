"""Molecules, networks, records, pages and commands that tests of several rooms are made from."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
