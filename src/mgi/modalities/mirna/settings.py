"""Where microRNAs come from, and which of them a fold's models see."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mgi.core.section import Count, Section, Several, Share, UserPath, unit
from mgi.locks.settings import Address, FetchSettings


class FitSettings(Section):
    """Which microRNAs a fold's models see; z-scores of log2(RPM + 1), fitted on its training patients alone."""

    min_rpm: Annotated[float, Field(ge=0, le=1_000_000), unit("RPM")] = 1.0
    """Reads per million that count as expressed."""
    min_share: Share = 0.1
    """Share of the training patients who must express a microRNA that is kept."""


class MirnaSettings(FetchSettings):
    """MicroRNAs: quantification of the GDC, or a table of your own."""

    first_cohort_only: ClassVar = ("fit",)
    read_by: ClassVar = {
        "table": ("matrix",), "project": ("gdc",), "expected_files": ("gdc",)
    }  # fmt: skip
    source: Literal["gdc", "matrix"] = "gdc"
    """gdc: quantification by the BCGSC; matrix: a table of your own of reads per million."""
    table: UserPath | None = None
    """For source matrix: path of the table (Parquet, TSV or CSV), either way round; values may be missing."""
    project: str = "TCGA-LGG"
    """For source gdc: the project."""
    base_url: Address = "https://api.gdc.cancer.gov"
    """For source gdc: address of its interface."""
    expected_files: Several[Count] | None = None
    """For source gdc: fewest and most files that a search may find; null: any number but 0."""
    fit: FitSettings = FitSettings()
    """Which microRNAs a fold's models see; z-scores of log2(RPM + 1), fitted on its training patients alone."""
