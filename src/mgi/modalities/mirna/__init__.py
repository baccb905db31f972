"""Abundance of microRNAs, by sequencing."""
