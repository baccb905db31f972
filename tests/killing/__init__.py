"""Kill -9 in the middle of the toy workflow, over and over: `python -m killing`, or `make kill`."""
