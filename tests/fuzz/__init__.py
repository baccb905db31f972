"""Mutated inputs for every reader: `python -m fuzz` with `src`, `workflow` and `tests` on the path, or `make fuzz`."""
