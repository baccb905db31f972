"""Fills the template: one HTML file that needs no network."""

import json
from collections.abc import Mapping
from typing import Any

import jinja2

from mgi.evaluation.expression_inputs import OWN
from mgi.reporting import tables
from mgi.reporting.provenance import config_sha256
from mgi.reporting.results import Results
from mgi.reporting.wording import result_sentences
from mgi.tasks.names import CONDITIONS
from mgi.tasks.text import NOTHING, interval, number

TEMPLATE = "template.html.j2"


def page(results: Results, drawn: Mapping[str, str | None], title: str) -> str:
    """The report as HTML, with what draw_all drew; a simulated cohort is marked in the title and on top."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mgi.reporting", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(figures=drawn, **_content(results, title))


def _content(results: Results, title: str) -> dict[str, Any]:
    return {
        "title": f"SIMULATED: {title}" if results.simulated else title,
        "simulated": results.simulated,
        "sentences": result_sentences(results),
        "flow": results.flow,
        "genes": results.genes,
        "draws": f"{results.draws:,}",
        "score_name": results.reporting.score_name,
        "section": results.section,
        "audit": _audit_rows(results),
        "versions": dict(results.versions),
        "commit": results.commit,
        "machine": results.machine,
        "locks": tables.lock_rows(results.locks, results.lock_digests),
        "config": json.dumps(results.config, indent=2, sort_keys=True, ensure_ascii=False),
        "config_sha256": config_sha256(results.config),
        "costs": tables.cost_rows(results.costs),
        "wall": tables.duration(sum(cost.wall_seconds for cost in results.costs)),
    }


def _audit_rows(results: Results) -> list[dict[str, str]]:
    return [
        {
            "condition": CONDITIONS[row["condition"]],
            "mean": number(row["mean"]),
            "difference": number(row["difference"], signed=True),
            "interval": NOTHING if row["condition"] == OWN else interval(row["low"], row["high"], signed=True),
            "n": str(int(row["n"])),
        }
        for row in results.audit.to_dict("records")
    ]
