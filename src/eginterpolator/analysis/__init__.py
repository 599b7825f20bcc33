"""What a chemist asks of trajectories: wells and their shares, rotamer states, how long they last. Imports no torch.

It stands below simulation and generation, which write its tables into molecule folders.
"""
