"""Molecules of the organic model: by rule, and of fragments."""
