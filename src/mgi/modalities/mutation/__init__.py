"""Which genes are mutated in a tumour."""
