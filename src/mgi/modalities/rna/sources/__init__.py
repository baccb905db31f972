"""Where expression comes from: the GDC, or a matrix on disk."""
