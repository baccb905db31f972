"""MR series, masks and their geometry."""
