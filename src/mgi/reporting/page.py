"""The report as one HTML file that needs no network, and its numbers for machines."""

import json
import math
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from mgi.evaluation.expression_inputs import OWN
from mgi.reporting.key_results import key_rows
from mgi.reporting.pretraining_words import failed_pretrainings, pretraining_sentences
from mgi.reporting.provenance import config_sha256
from mgi.reporting.results import Results
from mgi.reporting.wording import result_sentences, simulation_note
from mgi.tasks.text import rendered

DIGITS = 6
SCORE_COLUMNS = ["task", "method", "expression_input", "definition", "mean", "median", "low", "high", "n"]


def page(results: Results, drawn: Mapping[str, str | None], title: str) -> str:
    """The report as HTML, with what draw_all drew; a simulated cohort is marked in the title and on top."""
    keep = str(results.config.get("pretrain", {}).get("keep", "last"))
    content: dict[str, Any] = {
        **vars(results),
        "figures": drawn,
        "flow": results.flow,
        "simulated": results.simulated,
        "title": f"SIMULATED: {title}" if results.simulated else title,
        "sentences": result_sentences(results),
        "simulation_note": simulation_note(results.config),
        "key": key_rows(results),
        "failed": failed_pretrainings(results.curves, keep),
        "pretraining": pretraining_sentences(results.curves, keep),
        "style": _beside("style.css"),
        "script": _beside("script.js"),
        "draws": f"{results.config.get('evaluation', {}).get('bootstrap_draws', 10_000):,}",
        "score": results.score_text,
        "audit": results.audit.to_dict("records"),
        "config": json.dumps(results.config, indent=2, sort_keys=True, ensure_ascii=False),
        "config_sha256": config_sha256(results.config),
    }
    return rendered("mgi.reporting", "template.html.j2", content)


def _beside(name: str) -> str:
    return resources.files("mgi.reporting").joinpath(name).read_text(encoding="utf-8")


def summary(results: Results) -> dict[str, Any]:
    """Counts, scores, audit, tests, costs and provenance; numbers to six digits, undefined ones null."""
    flow = {
        name: value for name, value in results.flow.items() if name not in ("known", "folds", "folds_tested", "sites")
    }
    audit = results.audit.set_index("condition").to_dict("index")
    content = {
        "cohort": {"genes": results.genes, **flow},
        "results": results.results[SCORE_COLUMNS].to_dict("records"),
        "results_no_genes": results.no_genes[SCORE_COLUMNS].to_dict("records"),
        "audit": {name: {"mean": row["mean"], "n": row["n"]} if name == OWN else row for name, row in audit.items()},
        "tests": results.tests.to_dict("records"),
        "rules": results.costs,
        "simulated": results.simulated,
        "versions": dict(results.versions),
        "commit": results.commit,
        "machine": results.machine,
        "config_sha256": config_sha256(results.config),
    }
    return {name: _clean(value) for name, value in content.items()}


def _clean(value: Any) -> Any:
    """Round floats, turn nan into null and numpy numbers into plain ones."""
    if isinstance(value, Mapping):
        return {str(key): _clean(entry) for key, entry in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_clean(entry) for entry in value]
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float):
        return round(plain, DIGITS) if math.isfinite(plain) else None
    return plain
