"""Where mutations come from, and which genes of them a fold's models see."""

from mgi.core.section import Section, Share
from mgi.modalities.gdc.settings import TableSettings


class MutationFitSettings(Section):
    """Which genes a fold's models see: 1 where mutated, 0 where not; and log10(variants + 1) of the tumour."""

    min_share: Share = 0.02
    """Share of the training patients in whom a gene that is kept is mutated; in one patient at least."""


class MutationSettings(TableSettings):
    """Mutated genes: masked somatic mutations of the GDC, or a file of your own (a MAF of many tumours, or a table of
    samples and genes with 0 and 1)."""

    fit: MutationFitSettings = MutationFitSettings()
    """Which genes a fold's models see; chosen on its training patients alone."""
