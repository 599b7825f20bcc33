"""Trajectories, conformers and molecule folders: read, written whole or not at all, converted."""
