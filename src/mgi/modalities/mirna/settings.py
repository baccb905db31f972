"""Where microRNAs come from, and which of them a fold's models see."""

from typing import Annotated

from pydantic import Field

from mgi.core.section import Section, Share, unit
from mgi.modalities.gdc.settings import TableSettings


class MirnaFitSettings(Section):
    """Which microRNAs a fold's models see; z-scores of log2(RPM + 1), fitted on its training patients alone."""

    min_rpm: Annotated[float, Field(ge=0, le=1_000_000), unit("RPM")] = 1.0
    """Reads per million that count as expressed."""
    min_share: Share = 0.1
    """Share of the training patients who must express a microRNA that is kept."""


class MirnaSettings(TableSettings):
    """MicroRNAs: reads per million by the GDC, or in a table of your own."""

    fit: MirnaFitSettings = MirnaFitSettings()
    """Which microRNAs a fold's models see; z-scores of log2(RPM + 1), fitted on its training patients alone."""
