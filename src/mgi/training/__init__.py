"""Optimisation loops, checkpoints and curves."""
