"""Where protein arrays come from, and which antibodies a fold's models see."""

from typing import ClassVar, Literal

from mgi.core.section import Count, Section, Several, Share, UserPath
from mgi.locks.settings import Address, FetchSettings


class FitSettings(Section):
    """Which antibodies a fold's models see; z-scores, fitted on its training patients alone, gaps at the mean."""

    max_missing: Share = 0.5
    """An antibody that is missing in a larger share of the training patients is left out."""


class RppaSettings(FetchSettings):
    """Proteins by reverse phase arrays: files of the GDC, or a table of your own."""

    first_cohort_only: ClassVar = ("fit",)
    read_by: ClassVar = {
        "table": ("matrix",), "project": ("gdc",), "expected_files": ("gdc",)
    }  # fmt: skip
    source: Literal["gdc", "matrix"] = "gdc"
    """gdc: protein expression of the GDC; matrix: a table of your own."""
    table: UserPath | None = None
    """For source matrix: path of the table (Parquet, TSV or CSV), either way round; values may be missing."""
    project: str = "TCGA-LGG"
    """For source gdc: the project."""
    base_url: Address = "https://api.gdc.cancer.gov"
    """For source gdc: address of its interface."""
    expected_files: Several[Count] | None = None
    """For source gdc: fewest and most files that a search may find; null: any number but 0."""
    fit: FitSettings = FitSettings()
    """Which antibodies a fold's models see; z-scores, fitted on its training patients alone, gaps at the mean."""
