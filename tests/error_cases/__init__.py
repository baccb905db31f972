"""One small way into every kind of error of every room; what each says is kept in tests/golden/errors.txt."""

from error_cases import analyses, ingestion, learning, measured, modalities, results
from error_cases.ways import Case

__all__ = ["CASES", "Case"]

CASES = {
    **ingestion.CASES,
    **modalities.CASES,
    **measured.CASES,
    **learning.CASES,
    **analyses.CASES,
    **results.CASES,
}
"""By room, in the order of the pipeline."""
