"""Parquet shards: the contract between ingestion and learning.

What breaks the format is a BadInputError that names the file or patient; damaged bytes are an IntegrityError.
"""
