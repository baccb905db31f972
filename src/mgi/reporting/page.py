"""Fills the template: one HTML file that needs no network."""

import json
from collections.abc import Mapping
from typing import Any

from mgi.reporting.provenance import config_sha256
from mgi.reporting.results import Results
from mgi.reporting.wording import result_sentences
from mgi.tasks.text import rendered


def page(results: Results, drawn: Mapping[str, str | None], title: str) -> str:
    """The report as HTML, with what draw_all drew; a simulated cohort is marked in the title and on top."""
    content: dict[str, Any] = {
        **vars(results),
        "figures": drawn,
        "flow": results.flow,
        "simulated": results.simulated,
        "title": f"SIMULATED: {title}" if results.simulated else title,
        "sentences": result_sentences(results),
        "draws": f"{results.draws:,}",
        "score_name": results.reporting.score_name,
        "audit": results.audit.to_dict("records"),
        "config": json.dumps(results.config, indent=2, sort_keys=True, ensure_ascii=False),
        "config_sha256": config_sha256(results.config),
    }
    return rendered("mgi.reporting", "template.html.j2", content)
