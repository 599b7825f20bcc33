"""A SMILES in, a trajectory out: files that other programs open, and a page to look at.

python examples/quickstart.py
"""

from pathlib import Path

import eginterpolator

out = Path("quickstart")
trajectory = eginterpolator.generate("CC[C@H](O)C#CCOC", n_frames=500, seed=1)
print(trajectory)
print(f"stereo kept in {trajectory.meta['stereo_retention']:.1%} of the frames, {trajectory.meta['valid']:.1%} valid")

trajectory.save(out / "trajectory.xtc")
trajectory.save(out / "trajectory.sdf")
trajectory.show().save(out / "trajectory.html")

frames = trajectory.to_mdtraj()
print(f"mdtraj: {frames.n_frames} frames of {frames.n_atoms} atoms, {frames.timestep:.1f} ps apart")
print(f"open {out / 'trajectory.html'} in a browser")
