"""What a molecule is and looks like: identity, features, hydrogens, stereo, validity. Needs RDKit, no files."""
