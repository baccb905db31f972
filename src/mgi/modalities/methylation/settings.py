"""Where methylation comes from, and which probes a fold's models see."""

from typing import ClassVar

from mgi.core.section import Positive, Section, Share, UserPath
from mgi.modalities.gdc.settings import TableSettings


class MethylationFitSettings(Section):
    """Which probes a fold's models see, by M-values of its training patients; z-scores of them, gaps at the mean."""

    top_k: Positive = 5000
    """Probes kept: those of largest variance."""
    max_missing: Share = 0.1
    """A probe that is missing in a larger share of the training patients is left out."""
    sex_chromosomes: bool = False
    """Whether probes of X and Y stay. They tell the sex before all else; where no chromosome is known, they stay."""


class MethylationSettings(TableSettings):
    """DNA methylation: beta values of the GDC, or a table of your own."""

    read_by: ClassVar = {**TableSettings.read_by, "probes": ("gdc",)}
    probes: Positive | None = None
    """For source gdc: probes of the array whose files are used (450K: 486427, 27K: 27578), files of another array are
    left out; null: all files must be of one array."""
    positions: UserPath | None = None
    """Path of a table (TSV, CSV or Parquet) with probe, chromosome, start: files of the GDC do not say where probes
    lie."""
    fit: MethylationFitSettings = MethylationFitSettings()
    """Which probes a fold's models see, by M-values of its training patients; z-scores of them, gaps at the mean."""
