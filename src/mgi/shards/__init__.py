"""Parquet shards: the contract between ingestion and learning."""
