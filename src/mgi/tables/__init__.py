"""Tables of users: Parquet, TSV and CSV as columns of text and numbers."""
