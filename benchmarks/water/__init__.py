"""Torsions in implicit solvent beside those in explicit water."""
