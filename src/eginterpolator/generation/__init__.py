"""Trajectories and conformers out of a model: sampling, tasks, and folders of many molecules."""
