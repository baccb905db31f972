"""Segment the tumour on every slice, and score the masks."""
