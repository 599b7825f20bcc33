"""Tests, one folder a room of the package; `builders` has what they share, `integration` what spans rooms."""
