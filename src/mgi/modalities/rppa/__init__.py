"""Abundance of proteins, by reverse phase protein arrays."""
