"""The toy workflow on a real SLURM of one node: `python -m queueing`, or `make slurm-test`."""
