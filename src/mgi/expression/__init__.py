"""Gene tables: parsing, filtering, normalising."""
