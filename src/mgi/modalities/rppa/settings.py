"""Where protein arrays come from, and which antibodies a fold's models see."""

from mgi.core.section import Section, Share
from mgi.modalities.gdc.settings import TableSettings


class RppaFitSettings(Section):
    """Which antibodies a fold's models see; z-scores, fitted on its training patients alone, gaps at the mean."""

    max_missing: Share = 0.5
    """An antibody that is missing in a larger share of the training patients is left out."""


class RppaSettings(TableSettings):
    """Proteins by reverse phase arrays: files of the GDC, or a table of your own."""

    fit: RppaFitSettings = RppaFitSettings()
    """Which antibodies a fold's models see; z-scores, fitted on its training patients alone, gaps at the mean."""
