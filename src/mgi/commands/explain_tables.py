"""Put the attributions of all explained runs into tables: genes, gene sets, patients, and the checks beside them.

INPUTS: attributions, deletion curves and attention maps of each run; a .gmt file of gene sets where one is named.
OUTPUTS: global.csv, gene_sets.csv, local.csv, modalities.csv, modalities_local.csv, deletion.csv, checks.csv,
attention.parquet in one folder.
"""

import argparse
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mgi.commands._run_options import add_runs, of_each_run
from mgi.core.errors import BadInputError
from mgi.core.section import as_mapping
from mgi.core.sidecar import digested_path
from mgi.evaluation.intervals import bootstrap_mean
from mgi.explain.attribution_file import ATTENTION, DELETION, Attributions, read_attributions
from mgi.explain.checks import CHECKS, check_rows, permuted_among, permuted_rows, stability_rows
from mgi.explain.modality_shares import MODALITIES, MODALITIES_LOCAL, modality_local_rows, modality_rows
from mgi.explain.runs import ATTENTION_FILE, DELETION_FILE, explained_runs
from mgi.explain.settings import ExplainSettings
from mgi.explain.tables import (
    DELETION_TABLE,
    GENE_SETS,
    GLOBAL,
    LOCAL,
    Mean,
    Members,
    deletion_rows,
    gene_set_rows,
    global_rows,
    local_rows,
)
from mgi.modalities.rna.gene_sets import match_sets, read_gmt
from mgi.shards.parquet import read_table, write_table

LOG = logging.getLogger(__name__)
DRAWS = 2000  # of patients, for the intervals


def add_options(options: argparse.ArgumentParser) -> None:
    add_runs(options, "--attributions")
    options.add_argument(
        "--attributions", type=Path, nargs="+", required=True, help="of each run (mgi explain), its other files beside"
    )
    options.add_argument("--settings", required=True, help="config section 'explain' as JSON")
    options.add_argument("--gene-sets", type=Path, help=".gmt file of gene sets")
    options.add_argument("--output", type=Path, required=True, help="folder for the tables")


def run(args: argparse.Namespace) -> None:
    settings = ExplainSettings.read(args.settings, where="explain")
    config = {"explain": settings.plain(), "runs": as_mapping(args.runs or "{}", "--runs")}
    paths = of_each_run(args.attributions, args.runs, lambda _: explained_runs(config))
    sets = None if args.gene_sets is None else read_gmt(args.gene_sets)
    found: list[Attributions] = []
    members: list[Members] = []
    attention: list[pa.Table] = []
    columns = {
        "global": GLOBAL, "gene_sets": GENE_SETS, "local": LOCAL, "modalities": MODALITIES,
        "modalities_local": MODALITIES_LOCAL, "deletion": DELETION_TABLE,
    }  # fmt: skip
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in columns}
    checks: list[tuple[Any, ...]] = []

    def interval(values: NDArray[np.float64]) -> Mean:
        return Mean(*bootstrap_mean(values, DRAWS, settings.seed)[:3])

    for path in paths:
        one = read_attributions(path)
        if one.run.key in [earlier.run.key for earlier in found]:
            raise BadInputError(f"{path}: {one.run.key} was already given, expected each run once")
        deleted = read_table(path.with_name(DELETION_FILE), DELETION).to_pandas()
        maps = read_table(path.with_name(ATTENTION_FILE), ATTENTION)
        curves = list(deletion_rows(one.run.key, deleted))
        members.append(_members(sets, one, args.gene_sets))
        rows["global"] += global_rows(one, settings.top, members[-1], interval)
        rows["local"] += local_rows(one, settings.local)
        rows["modalities"] += modality_rows(one, interval)
        rows["modalities_local"] += modality_local_rows(one)
        rows["deletion"] += curves
        checks += check_rows(one, pd.DataFrame(curves, columns=DELETION_TABLE), maps.to_pandas())
        found.append(one)
        attention.append(maps.append_column("run", pa.array([one.run.key] * len(maps), pa.string())))
    permuted = permuted_among(found)
    for one, own_sets in zip(found, members, strict=True):
        rows["gene_sets"] += gene_set_rows(one, own_sets, interval, permuted)
    checks += [*permuted_rows(found), *stability_rows(found)]
    sources = [*paths, *([args.gene_sets] if args.gene_sets else [])]
    write_table(args.output / ATTENTION_FILE, pa.concat_tables([_plain(maps) for maps in attention]), sources)
    for name, header in columns.items():
        _write(args.output / f"{name}.csv", rows[name], header, sources)
    _write(args.output / "checks.csv", checks, CHECKS, sources)
    failed = [f"{row[0]} {row[1]} {row[2]}" for row in checks if row[CHECKS.index("passed")] == "no"]
    print(
        f"{len(paths)} runs, {len(rows['global'])} rows of genes, {len(checks)} checks, {len(failed)} not as expected"
    )
    for one_failed in failed:
        print(f"not as expected: {one_failed}")


def _members(sets: dict[str, list[str]] | None, found: Attributions, path: Path | None) -> Members:
    """The sets' genes as columns of this run's attributions; none where no file is named or no expression was read."""
    genes = found.genes
    if sets is None or not genes:
        return {}
    own = slice(genes.start, genes.stop)
    matched = match_sets(sets, found.gene_ids[own], found.gene_names[own], where=str(path))
    LOG.info("%s: %s: %s", found.run.key, path, matched.summary())
    return {name: [genes.start + row for row in rows] for name, rows in matched.members.items()}


def _plain(table: pa.Table) -> pa.Table:
    """Without metadata: that of one run is not that of all."""
    return table.replace_schema_metadata(None)


def _write(path: Path, rows: Iterable[tuple[Any, ...]], header: Sequence[str], sources: Sequence[Path]) -> None:
    table = pd.DataFrame(list(rows), columns=list(header))
    with digested_path(path, sources) as part:
        table.to_csv(part, index=False, float_format="%.6g", lineterminator="\n")
