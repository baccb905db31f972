"""Copies of genes in a tumour."""
