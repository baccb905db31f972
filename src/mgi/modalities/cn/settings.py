"""Where copy numbers come from, and which genes of them a fold's models see."""

from typing import ClassVar, Literal

from mgi.core.section import Section
from mgi.modalities.gdc.settings import TableSettings


class CnFitSettings(Section):
    """Which genes a fold's models see: copies beyond those of most of the genome, in deviations of its training
    patients."""

    genes: Literal["shared", "all"] = "shared"
    """shared: those that expression has too, in its order; all: all, by their place on the genome, as without
    expression."""
    merge: bool = False
    """Whether genes that lie side by side and have the same copies in every training patient stand once, by the first
    of them. A segment covers many genes, so that most say nothing of their own."""


class CnSettings(TableSettings):
    """Copies of genes: gene-level copy number of the GDC, or a table of your own."""

    read_by: ClassVar = {**TableSettings.read_by, "scale": ("matrix",)}
    scale: Literal["copies", "relative"] = "copies"
    """For source matrix: what its numbers are; copies: 2 is neutral; relative: 0 is (log ratios, calls of GISTIC)."""
    fit: CnFitSettings = CnFitSettings()
    """Which genes a fold's models see, and on which scale; fitted on its training patients alone."""
