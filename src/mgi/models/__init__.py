"""Encoders, fusion decoder and segmentation networks."""
