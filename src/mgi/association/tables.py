"""The results of a scan as Parquet for programs and as text for people."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mgi.association.inputs import Inputs
from mgi.association.patient_table import About
from mgi.association.scan import Associations, LeftOut
from mgi.core.sidecar import digested_path
from mgi.shards.parquet import write_table

ASSOCIATIONS = pa.schema(
    [
        ("phenotype", pa.string()),
        ("feature", pa.string()),
        ("feature_name", pa.string()),  # null where the table of features has no other names
        ("chromosome", pa.string()),  # null where the features have no positions
        ("start", pa.int64()),  # 1-based
        ("n", pa.int32()),  # patients
        ("df", pa.int32()),
        ("beta", pa.float64()),  # change of the phenotype a unit of the feature
        ("se", pa.float64()),
        ("r", pa.float64()),  # partial correlation
        ("p", pa.float64()),  # two-sided
        ("q", pa.float64()),  # Benjamini and Hochberg, over all tests
        ("p_max", pa.float64()),  # by the largest |t| of all tests under permutation; null without permutations
    ]
)
FILES = ("associations.parquet", "hits.tsv", "phenotypes.tsv", "left_out.tsv")
_PER_TEST = ("beta", "se", "r", "p", "q", "p_max")


def write_associations(
    folder: Path,
    found: Associations,
    inputs: Inputs,
    fdr: float,
    made_from: Sequence[Path],
    how: Mapping[str, Any],
) -> pd.DataFrame:
    """Write FILES, and return the hits: tests of q at most `fdr`, the smallest p first.

    `how` says how the scan was done; it is kept in the metadata of the Parquet file. The texts are written after it and
    name its digest, so that none is taken for one of another scan.
    """
    parquet, hits_file, phenotypes_file, left_out_file = (folder / name for name in FILES)
    table = _table(found, inputs.about)
    hits: pd.DataFrame = table.take(np.flatnonzero(found.q.ravel() <= fdr)).to_pandas()
    hits = hits.sort_values(["p", "phenotype", "feature"], ignore_index=True)
    said = {**how, "covariates": inputs.design.columns, "fdr": fdr}
    write_table(parquet, table.replace_schema_metadata({"scan": json.dumps(said, sort_keys=True)}), made_from)
    left_out = pd.DataFrame([*inputs.left_out, *found.left_out], columns=["kind", "name", "reason"])
    texts = {hits_file: hits, phenotypes_file: _phenotypes(found, fdr), left_out_file: left_out}
    for path, rows in texts.items():
        with digested_path(path, [parquet]) as part:
            rows.to_csv(part, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    return hits


def left_out_summary(left_out: Iterable[LeftOut]) -> list[str]:
    """A line for each kind and reason: how many, and which the first is; most first."""
    rows = list(left_out)
    first = {(kind, reason): name for kind, name, reason in reversed(rows)}
    counts = Counter((kind, reason) for kind, _, reason in rows)
    return [
        f"{count} {kind}{'s' if count > 1 else ''}, such as {first[kind, reason]}: {reason}"
        for (kind, reason), count in counts.most_common()
    ]


def _table(found: Associations, about: Mapping[str, About]) -> pa.Table:
    """A row a test, by phenotype and then by feature."""
    n_features = len(found.features)
    labels, chromosomes, starts = zip(*(about[feature] for feature in found.features), strict=True)
    columns: dict[str, Any] = {
        "phenotype": np.repeat(np.array(found.phenotypes, dtype=object), n_features),
        "feature": list(found.features) * len(found.phenotypes),
        "feature_name": labels * len(found.phenotypes),
        "chromosome": chromosomes * len(found.phenotypes),
        "start": starts * len(found.phenotypes),
        "n": np.full(found.r.size, found.n),
        "df": np.full(found.r.size, found.df),
    }
    columns |= {name: getattr(found, name).ravel() for name in _PER_TEST}
    arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in ASSOCIATIONS]
    return pa.Table.from_arrays(arrays, schema=ASSOCIATIONS)


def _phenotypes(found: Associations, fdr: float) -> pd.DataFrame:
    inflation = found.inflation
    return pd.DataFrame(
        {
            "phenotype": found.phenotypes,
            "tests": len(found.features),
            "hits": (found.q <= fdr).sum(axis=1),
            "smallest_p": found.p.min(axis=1),
            "lambda": inflation.found,
            "lambda_low": inflation.low,
            "lambda_high": inflation.high,
        }
    )
