"""What every modality that is a table of the GDC, or a user's own in its place, lets a user choose of its source."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from mgi.core.section import Count, Several, UserPath, refusal
from mgi.locks.settings import Address, FetchSettings


def _fewest_and_most(given: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if given is not None and not (len(given) == 2 and given[0] <= given[1]):
        raise refusal("", list(given), "two numbers, the fewest and the most files")
    return given


FileRange = Annotated[Several[Count] | None, AfterValidator(_fewest_and_most)]
"""Fewest and most files that a search may find; None: any number but 0."""


class TableSettings(FetchSettings):
    """Where a table of features comes from: files of the GDC, one a patient, or a table of your own."""

    first_cohort_only: ClassVar = ("fit",)
    read_by: ClassVar = {"table": ("matrix",), "project": ("gdc",), "expected_files": ("gdc",)}
    source: Literal["gdc", "matrix"] = "gdc"
    """gdc: open files of the GDC; matrix: a table of your own, taken as it is."""
    table: UserPath | None = None
    """For source matrix: path of the table (Parquet, TSV or CSV), either way round; values may be missing."""
    project: str = "TCGA-LGG"
    """For source gdc: the project."""
    base_url: Address = "https://api.gdc.cancer.gov"
    """For source gdc: address of its interface."""
    expected_files: FileRange = None
    """For source gdc: fewest and most files that a search may find; null: any number but 0."""
