"""One self-contained HTML page and a JSON summary from the results."""

import argparse
from pathlib import Path

import pandas as pd

from mgi.cohort.cohort_table import read_cohort
from mgi.cohort.tables import read_split
from mgi.core.environment import commit, machine
from mgi.core.files import atomic_path, read_json, sha256_of, write_json
from mgi.reporting.all_figures import draw_all, write_figures
from mgi.reporting.curves import read_curve
from mgi.reporting.overlay_cases import overlay_cases, run_specs
from mgi.reporting.page import page
from mgi.reporting.provenance import rule_costs, versions
from mgi.reporting.results import Results
from mgi.reporting.summary import summary
from mgi.shards.dataset_manifest import rows_of
from mgi.tasks.segmentation.true_masks import slices_per_patient


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    required = {
        "cohort": "cohort table (Parquet)",
        "split": "split table (Parquet)",
        "expression-lock": "lock of the expression source (JSON)",
        "image-lock": "lock of the image source (JSON)",
        "dice": "Dice table of compare (CSV)",
        "dice-all": "Dice table of compare without genes, over all patients (CSV)",
        "tests": "tests of compare (CSV)",
        "audit": "gene audit of compare (CSV)",
        "patients": "patients of compare (CSV)",
        "slices": "slices of the image shard (Parquet)",
        "config": "the whole config (JSON)",
        "output": "the page (HTML)",
        "summary": "the numbers (JSON)",
    }
    for name, meaning in required.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=meaning)
    parser.add_argument("--genes", type=Path, help="gene list of the expression shard (Parquet), for its count")
    parser.add_argument("--paper-like", type=Path, help="watermarked table of paper-like (CSV)")
    parser.add_argument("--predictions", type=Path, nargs="*", default=[], help="predictions to show (Parquet)")
    parser.add_argument("--curves", type=Path, nargs="*", default=[], help="training logs, runs/<run>/curves.jsonl")
    parser.add_argument("--benchmarks", type=Path, help="folder of Snakemake's benchmark tables")
    parser.add_argument("--figures", type=Path, help="folder to write the page's figures to as well (SVG, PNG)")
    parser.add_argument("--title", default="Glioma segmentation with genes and images")
    return parser


def run(args: argparse.Namespace) -> None:
    locks = {"expression": args.expression_lock, "images": args.image_lock}
    specs = run_specs(args.predictions)
    config = read_json(args.config)
    patients = _read_csv(args.patients)
    headline = config.get("evaluation", {}).get("headline", "volume")
    results = Results(
        cohort=read_cohort(args.cohort).table,
        split=read_split(args.split),
        locks={kind: read_json(path) for kind, path in locks.items()},
        lock_digests={kind: sha256_of(path) for kind, path in locks.items()},
        dice=_read_csv(args.dice),
        dice_all=_read_csv(args.dice_all),
        tests=_read_csv(args.tests),
        audit=_read_csv(args.audit),
        patients=patients,
        paper_like=_read_csv(args.paper_like) if args.paper_like else None,
        slices=slices_per_patient(args.slices),
        genes=rows_of(args.genes) if args.genes else None,
        curves=[read_curve(path, {spec.key: spec.label for spec in specs.values()}) for path in sorted(args.curves)],
        overlays=overlay_cases(specs, args.slices, patients, headline),
        costs=rule_costs(args.benchmarks) if args.benchmarks else [],
        versions=versions(),
        commit=commit(),
        machine=machine(),
        config=config,
    )
    drawn = draw_all(results)
    with atomic_path(args.output) as part:
        part.write_text(page(results, drawn, args.title), encoding="utf-8")
    if args.figures:
        write_figures(drawn, args.figures)
    write_json(args.summary, summary(results))


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a table in which `null` and `none` are gene modes, not missing values."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])
