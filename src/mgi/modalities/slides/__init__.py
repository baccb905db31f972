"""Whole-slide images: folders of slides, tissue, tiles, and what an encoder says of each tile."""
