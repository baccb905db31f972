"""Dice in every definition, intervals, paired tests and the gene audit, on arrays."""
