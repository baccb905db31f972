"""How each task's results are shown; knows no torch."""

from collections.abc import Sequence
from typing import Protocol

from mgi.tasks import registry
from mgi.tasks.classification import reporting as classification
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.segmentation import reporting as segmentation
from mgi.tasks.survival import reporting as survival


class Reporting(Protocol):
    """How scores are shown and worded."""

    @property
    def score_name(self) -> str:
        """Name of the headline in sentences."""

    @property
    def curves(self) -> Sequence[tuple[str, str]]:
        """Title and field of what validation logged."""

    def definition_name(self, definition: str) -> str:
        """The printed name of a definition."""

    def section(self, given: ReportInput) -> Section:
        """The task's part of the report."""


BUILT_IN: dict[str, Reporting] = {
    "segmentation": segmentation,
    "classification": classification,
    "survival": survival,
}


def reporting_of(task: str) -> Reporting:
    """This part of a task."""
    return BUILT_IN.get(task) or registry.added(task).reporting()
