"""Parts of the report beyond the task's own: what each analysis wrote into its folder of the results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mgi.reporting import associate_section, explain_section, probe_section
from mgi.tasks.report_parts import Section


class AnalysisSection(Protocol):
    """Makes an analysis's part of the report."""

    def __call__(self, folder: Path, *, simulated: bool) -> Section:
        """The part as HTML with its figures; `folder` holds the tables. Raises BadInputError naming a bad one."""


ANALYSES: Mapping[str, AnalysisSection] = {
    "probe": probe_section.section,
    "explain": explain_section.explain_section,
    "associate": associate_section.section,
}
"""By the name of the analysis, which is its config section's, its folder's and its option's, in the order of print."""


def analysis_sections(folders: Mapping[str, Path], *, simulated: bool) -> dict[str, Section]:
    """The part of each analysis whose folder is given."""
    return {name: section(folders[name], simulated=simulated) for name, section in ANALYSES.items() if name in folders}
