"""Water and implicit solvent side by side: torsions, and one frame by two engines."""
