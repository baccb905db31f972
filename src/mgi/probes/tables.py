"""The files of the probes: scores as text, and predictions out of fold and maps as Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mgi.core.sidecar import digested_path
from mgi.shards.parquet import write_table

PROBES, SURVIVAL, RETRIEVAL = "probes.csv", "survival.csv", "retrieval.csv"
OF_MODALITIES = "retrieval_modalities.csv"
OUT_OF_FOLD, MAPS = "out_of_fold.parquet", "maps.parquet"
FILES = (PROBES, SURVIVAL, RETRIEVAL, OF_MODALITIES, OUT_OF_FOLD, MAPS)
_SET = ("features", "pretraining", "run_seed")
COLUMNS: Mapping[str, Sequence[str]] = {
    PROBES: (
        "target", "table", *_SET, "classifier", "labelled", "draws", "n", "classes", "auc", "low", "high", "auc_sd",
        "auc_within", "balanced_accuracy", "calibration_error", "permuted", "permuted_sd", "permutations", "lacking",
        "circular",
    ),
    SURVIVAL: (
        "target", "table", *_SET, "n", "events", "harrell_c", "low", "high", "uno_c", "integrated_brier", "until_days",
        "minus_clinical", "minus_low", "minus_high", "permuted", "permuted_sd", "permutations", "inner_c", "lacking",
        "circular",
    ),
    RETRIEVAL: (
        "pretraining", "run_seed", "fold", "image", "k", "n", "retrieved", "low", "high", "chance", "mean_rank",
        "chance_rank",
    ),
    OF_MODALITIES: (
        "pretraining", "run_seed", "fold", "modality", "image", "k", "n", "retrieved", "low", "high", "chance",
        "mean_rank", "chance_rank",
    ),
}  # fmt: skip
PREDICTIONS = pa.schema(
    [
        ("target", pa.string()),
        ("table", pa.string()),
        ("features", pa.string()),
        ("pretraining", pa.string()),  # null where the features are of no run
        ("run_seed", pa.int64()),
        ("patient_id", pa.string()),
        ("fold", pa.int64()),
        ("class", pa.string()),  # null for survival
        ("prediction", pa.float64()),  # probability of the class, all taken for equally frequent; or the log risk
        ("truth", pa.string()),  # class of the patient; null for survival
        ("time_days", pa.float64()),  # null for a class
        ("event", pa.bool_()),
    ]
)
PLACES = pa.schema(
    [
        ("pretraining", pa.string()),
        ("run_seed", pa.int64()),
        ("fold", pa.int64()),
        ("vectors", pa.string()),
        ("patient_id", pa.string()),
        ("site", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("x_share", pa.float64()),
        ("y_share", pa.float64()),
    ]
)


def write_tables(
    folder: Path,
    texts: Mapping[str, Sequence[Mapping[str, Any]]],
    predictions: Sequence[Mapping[str, Any]],
    places: Sequence[Mapping[str, Any]],
    made_from: Sequence[Path],
    classes: Mapping[str, Mapping[str, str]],
) -> None:
    """Write FILES into a folder; `classes` (label -> patient -> class) are laid beside the maps.

    The texts are written last and name the digest of the predictions, so that none is taken for one of other probes.
    """
    parquet = folder / OUT_OF_FOLD
    write_table(parquet, pa.Table.from_pylist([dict(row) for row in predictions], schema=PREDICTIONS), made_from)
    schema = PLACES
    for name in classes:
        schema = schema.append(pa.field(f"label_{name}", pa.string()))
    beside = [{**row, **{f"label_{name}": of.get(row["patient_id"]) for name, of in classes.items()}} for row in places]
    write_table(folder / MAPS, pa.Table.from_pylist(beside, schema=schema), made_from)
    for name, rows in texts.items():
        table = pd.DataFrame(rows, columns=list(COLUMNS[name]))
        if "run_seed" in table:
            table["run_seed"] = table["run_seed"].astype("Int64")
        with digested_path(folder / name, [parquet]) as part:
            table.to_csv(part, index=False, float_format="%.6g", lineterminator="\n")
