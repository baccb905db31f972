"""The report's part on attributions: which genes the networks' answers rest on, and the checks beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mgi.core.errors import BadInputError
from mgi.explain.attribution_file import ATTENTION_OF_RUNS
from mgi.explain.checks import CHECKS
from mgi.explain.modality_shares import MODALITIES, MODALITIES_LOCAL
from mgi.explain.runs import ATTENTION_FILE
from mgi.explain.settings import OF_PRETRAINING
from mgi.explain.tables import DELETION_TABLE, GENE_SETS, GLOBAL
from mgi.reporting.explain_figures import attention_figure, deletion_figure, genes_figure, set_colours, sets_figure
from mgi.reporting.explain_modalities_figure import modalities_figure
from mgi.reporting.result_files import read_csv
from mgi.shards.parquet import read_table
from mgi.tasks.report_parts import Section
from mgi.tasks.text import rendered

VALUES = {
    "contrast": (
        "Choice of the own image",
        "log-probability of the patient's own image among reference images, in nats",
    ),
    "similarity": ("Similarity", "cosine of the image's and the genes' vector"),
    "head": ("Class or risk", "log-odds of the predicted class, or the logarithm of the risk"),
    "mask": ("Mask", "probability of tumour summed over the predicted mask, in pixels"),
}
"""Heading and meaning of each value."""
NOTES = (
    "Attributions say which genes a network's answer rests on. They do not say that a gene causes anything, and genes "
    "that move together share what one of them would tell.",
)
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "global": GLOBAL, "gene_sets": GENE_SETS, "deletion": DELETION_TABLE, "checks": CHECKS,
    "modalities": MODALITIES, "modalities_local": MODALITIES_LOCAL,
}  # fmt: skip


def explain_section(folder: Path, *, simulated: bool) -> Section:
    """The part as HTML with its figures; of several runs the first of each value is drawn, and checks are of all.

    `folder` holds the tables of explain-tables. Raises BadInputError naming one that is not as it was written.
    """
    tables = {name: _table(folder / f"{name}.csv", columns) for name, columns in _COLUMNS.items()}
    genes = tables["global"]
    if genes.empty:
        raise BadInputError(f"{folder / 'global.csv'}: no row, expected the genes of one run at least")
    genes = genes[genes["method"] == _shown_method(genes)]
    parts = [_part(value, genes, tables, simulated=simulated) for value in dict.fromkeys(genes["value"])]
    attention = read_table(folder / ATTENTION_FILE, ATTENTION_OF_RUNS).to_pylist()
    figures = {name: figure for part in parts for name, figure in part["figures"].items()}
    figures["explain_attention"] = attention_figure(attention, simulated=simulated)
    content: dict[str, Any] = {
        "parts": parts,
        "attention": figures["explain_attention"],
        "checks": tables["checks"].astype(object).fillna("").to_dict("records"),
        "simulated": simulated,
        "has_sets": not tables["gene_sets"].empty,
    }
    html = rendered("mgi.reporting", "explain_section.html.j2", content)
    return Section(html=html, figures=figures, links={"explain": "Attribution"}, notes=NOTES)


def _part(value: str, genes: pd.DataFrame, tables: Mapping[str, pd.DataFrame], *, simulated: bool) -> dict[str, Any]:
    """What the template says of one value, and its figures."""
    run = genes.loc[genes["value"] == value, "run"].iloc[0]
    own = {name: table[(table["run"] == run) & (table["value"] == value)] for name, table in tables.items()}
    shown = genes[(genes["run"] == run) & (genes["value"] == value)]
    heading, meaning = VALUES.get(value, (value, value))
    figures = {
        f"explain_{value}_genes": genes_figure(shown, set_colours(genes), simulated=simulated),
        f"explain_{value}_sets": sets_figure(own["gene_sets"], simulated=simulated),
        f"explain_{value}_deletion": deletion_figure(own["deletion"], simulated=simulated),
    }
    of_modalities = modalities_figure(own["modalities"], own["modalities_local"], simulated=simulated)
    if of_modalities is not None:
        figures[f"explain_{value}_modalities"] = of_modalities
    return {
        "value": value,
        "heading": heading,
        "meaning": meaning,
        "run": run,
        "runs": genes.loc[genes["value"] == value, "run"].nunique(),
        "patients": int(shown["patients"].iloc[0]),
        "noise": shown["method"].iloc[0] == "ig_noise",
        "failed": [row for row in own["checks"].to_dict("records") if row["passed"] == "no"],
        "figures": figures,
        "genes": figures[f"explain_{value}_genes"],
        "sets": figures[f"explain_{value}_sets"],
        "deletion": figures[f"explain_{value}_deletion"],
        "modalities": of_modalities,
        "of_pretraining": value in OF_PRETRAINING,
        "shares": own["modalities"].sort_values("share", ascending=False, kind="stable").to_dict("records"),
    }


def _shown_method(genes: pd.DataFrame) -> str:
    methods = set(genes["method"])
    return "ig_noise" if "ig_noise" in methods else "ig"


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = read_csv(path)
    if tuple(table.columns) != columns:
        raise BadInputError(f"{path}: columns {', '.join(table.columns)}; expected {', '.join(columns)}")
    return table
