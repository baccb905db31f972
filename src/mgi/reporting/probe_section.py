"""The part of the report that says what embeddings know, beside simple features of the same patients."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgi.core.errors import BadInputError
from mgi.core.mending import mend_of
from mgi.evaluation.follow_up import FollowUp
from mgi.probes.tables import COLUMNS, MAPS, OF_MODALITIES, OUT_OF_FOLD, PREDICTIONS, PROBES, RETRIEVAL, SURVIVAL
from mgi.reporting.modality_retrieval import modality_retrieval
from mgi.reporting.probe_figures import (
    SIMPLE,
    TRAINED,
    UNTRAINED,
    forest_figure,
    maps_figure,
    retrieval_figure,
)
from mgi.reporting.result_files import read_csv
from mgi.shards.parquet import opened_parquet, read_rows, read_table
from mgi.tasks.report_parts import Section
from mgi.tasks.survival_figure import survival_figure
from mgi.tasks.text import rendered

PLAIN, UNTRAINED_ENDING = "pretrain", "_untrained"
NAMES = {
    "image": "image",
    "image_tumour": "image at the tumour",
    "genes": "genes",
    "both": "image and genes",
    "clinical": "age and sex",
    "lesion": "tumour, true mask",
    "lesion_predicted": "tumour, predicted mask",
    "components": "components of genes",
    "clinical_and_components": "age, sex, components",
    "clinical_and_classes": "age, sex, classes",
    "clinical_and_classes_and_components": "age, sex, classes, components",
}
TABLES = {
    "paired": "Patients with image and genes, in the folds that were pre-trained",
    "expression": "All patients with genes, in all folds of the split",
}
MOST_AT_RISK = "paired"
Row = dict[str, Any]


def section(folder: Path, *, simulated: bool) -> Section:
    """Scores of labels and survival, retrieval and maps of vectors, from the tables of `mgi probe`.

    Raises BadInputError where a table has other columns.
    """
    probes, survival, retrieval = (_read(folder / name) for name in (PROBES, SURVIVAL, RETRIEVAL))
    figures: dict[str, str | None] = {}
    parts = []
    for table, title in TABLES.items():
        rows = probes[(probes["table"] == table) & (probes["labelled"] == "all") & (probes["classifier"] == "logistic")]
        panels = {
            f"{name}, {own['n'].iloc[0]} patients": _forest(own, "auc")
            for name, own in rows.groupby("target", sort=False)
        }
        own = survival[survival["table"] == table]
        figures[f"probes_{table}"] = forest_figure(panels, "AUC, 95 % interval", simulated=simulated)
        risks = {
            f"{name}, {one['events'].iloc[0]} events": _forest(one, "harrell_c") for name, one in own.groupby("target")
        }
        figures[f"probed_survival_{table}"] = forest_figure(risks, "concordance, 95 % interval", simulated=simulated)
        parts.append(
            {"table": table, "title": title, "n": _n(rows, own), "probes": _rows(rows), "survival": _rows(own)}
        )
    chosen = _most_promising(survival)
    if chosen is not None:
        figures["risk_thirds"] = survival_figure(_thirds(folder / OUT_OF_FOLD, chosen), simulated=simulated)
    places, run, label = _places(folder / MAPS)
    figures["vector_maps"] = None if places is None else maps_figure(places, label, simulated=simulated)
    series, names = _retrieved(retrieval)
    of_modalities, more = modality_retrieval(_read(folder / OF_MODALITIES), simulated=simulated)
    # Of several modalities the figure of them has expression too.
    figures["retrieval"] = None if of_modalities else retrieval_figure(series, names, simulated=simulated)
    figures |= more
    content = {
        "parts": parts, "of_modalities": of_modalities,
        "figures": figures, "chosen": chosen and {**chosen, "name": set_name(chosen)}, "run": run,
        "label": label, "retrieval": retrieval, "few": _few(probes), "simulated": simulated,
        "permutations": int(probes["permutations"].min()) if len(probes) else 0,
        "circular": sorted(set(probes["circular"].dropna())), "single_fold": _single_fold(retrieval),
    }  # fmt: skip
    html = rendered("mgi.reporting", "probe_section.html.j2", content)
    return Section(html=html, figures=figures, links={"probes": "Probes"})


def set_name(row: Mapping[str, Any]) -> str:
    """What a set of features is called in print, with its run where there are several kinds."""
    features = str(row["features"])
    of = features.removesuffix(UNTRAINED_ENDING)
    name = NAMES.get(of, of)
    if features.endswith(UNTRAINED_ENDING):
        name += ", untrained"
    pretraining = row["pretraining"]
    if isinstance(pretraining, str) and pretraining != PLAIN:
        name += f" · {pretraining.removeprefix(f'{PLAIN}-')}"
    seed = row["run_seed"]
    return name if pd.isna(seed) or seed == 0 else f"{name}, seed {int(seed)}"


def _kind(row: Mapping[str, Any]) -> str:
    if not isinstance(row["pretraining"], str):
        return SIMPLE
    return UNTRAINED if str(row["features"]).endswith(UNTRAINED_ENDING) else TRAINED


def _forest(rows: pd.DataFrame, score: str) -> list[Row]:
    return [{**row, "name": set_name(row), "kind": _kind(row), "value": row[score]} for row in _records(rows)]


def _rows(rows: pd.DataFrame) -> list[Row]:
    return [{**row, "name": set_name(row)} for row in _records(rows)]


def _records(table: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _n(probes: pd.DataFrame, survival: pd.DataFrame) -> int:
    return int(max([0, *probes["n"], *survival["n"]]))


def _few(probes: pd.DataFrame) -> list[Row]:
    """The AUC by number of labelled patients of each set of features and target, logistic, paired."""
    own = probes[(probes["table"] == "paired") & (probes["classifier"] == "logistic")]
    rows: list[Row] = []
    for (target, *_), one in own.groupby(["target", "features", "pretraining", "run_seed"], sort=False, dropna=False):
        by = {str(row["labelled"]): row["auc"] for row in _records(one)}
        rows.append({"target": target, "name": set_name(_records(one)[0]), "by": by})
    return rows


def _most_promising(survival: pd.DataFrame) -> Row | None:
    """The set of features with the highest C in inner folds of training: no test patient chooses it."""
    own = survival[survival["table"] == MOST_AT_RISK].sort_values("inner_c", ascending=False, kind="stable")
    return None if own.empty else _records(own)[0]


def _thirds(path: Path, chosen: Mapping[str, Any]) -> list[FollowUp]:
    """Follow-up of the thirds of the test patients by their risk, the lowest first, by the chosen set of features."""
    table = read_table(path, PREDICTIONS).to_pandas()
    own = table[table["event"].notna()]
    for name in ("target", "table", "features", "pretraining", "run_seed"):
        own = own[own[name].isna() if pd.isna(chosen[name]) else own[name] == chosen[name]]
    if own.empty:
        raise BadInputError(
            f"{path}: found no risks by {chosen['features']}, expected those of {SURVIVAL}; {mend_of(path)}"
        )
    follow_up = FollowUp(times=own["time_days"].to_numpy(float), events=own["event"].to_numpy(bool))
    by_risk = np.argsort(own["prediction"].to_numpy(float), kind="stable")
    place = np.argsort(by_risk) * 3 // len(by_risk)
    return [follow_up.of(np.flatnonzero(place == third)) for third in range(3)]


def _places(path: Path) -> tuple[pd.DataFrame | None, str, str | None]:
    """The map of the first run, how the run is called, and the label that colours it."""
    with opened_parquet(path) as source:
        table = read_rows(source, path).to_pandas()
    if table.empty:
        return None, "", None
    first = table.sort_values(["pretraining", "run_seed", "fold"], kind="stable").iloc[0]
    own = table[np.logical_and.reduce([table[name] == first[name] for name in ("pretraining", "run_seed", "fold")])]
    label = next((name.removeprefix("label_") for name in table.columns if name.startswith("label_")), None)
    return own, f"{first['pretraining']}, fold {first['fold']}, seed {first['run_seed']}", label


def _retrieved(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """All folds together where there are several, with a name for each kind of run and vector."""
    whole = rows[rows["fold"] == "all"] if (rows["fold"] == "all").any() else rows
    whole = whole.assign(
        series=[f"{one.image}|{one.pretraining}|{one.run_seed}" for one in whole.itertuples()],
        features=whole["image"],
    )
    return whole, {str(row["series"]): set_name(row) for row in _records(whole.drop_duplicates("series"))}


def _single_fold(retrieval: pd.DataFrame) -> bool:
    return bool(retrieval["fold"].nunique() == 1)


def _read(path: Path) -> pd.DataFrame:
    table = read_csv(path)
    expected = list(COLUMNS[path.name])
    if list(table.columns) != expected:
        raise BadInputError(
            f"{path}: columns {', '.join(table.columns)}; expected {', '.join(expected)}; {mend_of(path)}"
        )
    for name in ("labelled", "fold"):
        if name in table:
            table[name] = table[name].astype(str)
    return table
