"""Flips, cuts, edits and swaps of every file of the results on its way into whoever reads it."""
