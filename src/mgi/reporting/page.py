"""Fills the template: one HTML file that needs no network."""

import json
from collections.abc import Mapping
from typing import Any

import jinja2

from mgi.reporting import tables
from mgi.reporting.failures import failure_rows
from mgi.reporting.names import AUDIT, DEFINITIONS
from mgi.reporting.provenance import config_sha256
from mgi.reporting.results import Results
from mgi.reporting.wording import result_sentences

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
    definitions = [{"name": name, "meaning": meaning} for name, meaning in DEFINITIONS.values()]
    return {
        "title": f"SIMULATED: {title}" if results.simulated else title,
        "simulated": results.simulated,
        "sentences": result_sentences(results),
        "flow": results.flow,
        "genes": results.genes,
        "headline": DEFINITIONS[results.headline][0].lower(),
        "draws": f"{results.draws:,}",
        "empty_score": tables.number(results.empty_score),
        "methods": tables.headline_rows(results.compared, results.tests, results.headline),
        "definitions": definitions,
        "definition_rows": tables.definition_rows(results.dice),
        "everybody": tables.gene_free_rows(results.dice_all, results.headline) if results.without_expression else [],
        "without_expression": results.without_expression,
        "paper_like": tables.paper_like_rows(results.paper_like),
        "audit": _audit_rows(results),
        "failures": failure_rows(results.patients, results.overlays),
        "overlays": [{"rank": case.rank, "patient": case.patient_id} for case in results.overlays],
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
            "genes": AUDIT[row["genes"]],
            "mean": tables.number(row["mean"]),
            "difference": tables.number(row["difference"], signed=True),
            "interval": tables.NOTHING
            if row["genes"] == "real"
            else tables.interval(row["low"], row["high"], signed=True),
            "n": str(int(row["n"])),
        }
        for row in results.audit.to_dict("records")
    ]
