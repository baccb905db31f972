"""Errors, atomic writes, settings and patient identifiers; standard library and pydantic only."""
