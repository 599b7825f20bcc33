"""A page on this machine that generates trajectories and shows their report; `cli/serve.py` is its command.

Only this machine reaches it, and only with the token that is printed. A worker process computes, so that a job can be
ended at any moment; this process answers the browser and needs no PyTorch.
"""
