"""Where methylation comes from, and which probes a fold's models see."""

from typing import ClassVar, Literal

from mgi.core.section import Count, Positive, Section, Several, Share, UserPath
from mgi.locks.settings import Address, FetchSettings


class FitSettings(Section):
    """Which probes a fold's models see, by M-values of its training patients; z-scores of them, gaps at the mean."""

    top_k: Positive = 5000
    """Probes kept: those of largest variance."""
    max_missing: Share = 0.1
    """A probe that is missing in a larger share of the training patients is left out."""
    sex_chromosomes: bool = False
    """Whether probes of X and Y stay. They tell the sex before all else; where no chromosome is known, they stay."""


class MethylationSettings(FetchSettings):
    """DNA methylation: beta values of the GDC, or a table of your own."""

    first_cohort_only: ClassVar = ("fit",)
    read_by: ClassVar = {
        "table": ("matrix",), "project": ("gdc",), "expected_files": ("gdc",), "probes": ("gdc",)
    }  # fmt: skip
    source: Literal["gdc", "matrix"] = "gdc"
    """gdc: beta values of SeSAMe; matrix: a table of your own of beta values."""
    table: UserPath | None = None
    """For source matrix: path of the table (Parquet, TSV or CSV), either way round; values may be missing."""
    project: str = "TCGA-LGG"
    """For source gdc: the project."""
    base_url: Address = "https://api.gdc.cancer.gov"
    """For source gdc: address of its interface."""
    expected_files: Several[Count] | None = None
    """For source gdc: fewest and most files that a search may find; null: any number but 0."""
    probes: Positive | None = None
    """For source gdc: probes of the array whose files are used (450K: 486427, 27K: 27578), files of another array are
    left out; null: all files must be of one array."""
    positions: UserPath | None = None
    """Path of a table (TSV or CSV) with probe, chromosome, start: the GDC's files do not say where probes lie."""
    fit: FitSettings = FitSettings()
    """Which probes a fold's models see, by M-values of its training patients; z-scores of them, gaps at the mean."""
