"""Tables of text and numbers: those of users (Parquet, TSV and CSV), and those that an archive's programs write."""
