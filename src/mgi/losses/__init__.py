"""Contrastive and segmentation losses."""
