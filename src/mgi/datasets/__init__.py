"""Shards to tensors."""
