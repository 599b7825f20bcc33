"""Replicas of one molecule in the lanes of vector registers: implicit solvent or vacuum, on one core."""
