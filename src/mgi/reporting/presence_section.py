"""The report's part on who has which modality, where more than two are configured."""

from mgi.cohort.tables import Cohort
from mgi.reporting.presence import by_site, combinations, reasons
from mgi.reporting.presence_figure import MOST_SHOWN, presence_figure
from mgi.tasks.report_parts import Section
from mgi.tasks.text import rendered

MOST_WITHOUT = 2
"""Of an image and a table the cohort's own counts say enough."""


def presence_section(cohort: Cohort, *, simulated: bool) -> Section | None:
    """The part as HTML with its figure; None of no more than MOST_WITHOUT modalities."""
    names = list(cohort.companions)
    if len(names) <= MOST_WITHOUT:
        return None
    found = combinations(cohort)
    figure = presence_figure(found, names, simulated=simulated)
    content = {
        "names": names,
        "patients": len(cohort.table),
        "figure": figure,
        "combinations": found,
        "further": found[MOST_SHOWN:],
        "complete": sum(one.patients for one in found if len(one.modalities) == len(names)),
        "sites": by_site(cohort),
        "reasons": reasons(cohort),
        "required": cohort.required,
        "any_of": cohort.any_of,
        "simulated": simulated,
    }
    html = rendered("mgi.reporting", "presence_section.html.j2", content)
    return Section(html=html, figures={"presence": figure}, links={"presence": "Modalities"})
