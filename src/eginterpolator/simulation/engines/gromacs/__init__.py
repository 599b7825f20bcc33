"""The engine `gromacs`: explicit water by the program gmx."""
