"""Molecular-dynamics trajectories of small molecules from a generative model."""
