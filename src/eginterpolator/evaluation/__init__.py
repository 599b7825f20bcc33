"""Judging trajectories of any origin: distributions, kinetics, stereo, validity (SPEC section 5). Imports no torch."""
