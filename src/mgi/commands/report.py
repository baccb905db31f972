"""One self-contained HTML page and a JSON summary from the results."""

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from mgi.cohort.tables import read_cohort, read_split
from mgi.commands._run_options import add_runs, of_each_run
from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path, read_json, sha256_of, write_json
from mgi.core.run import DEFAULT_TASK, Run
from mgi.core.run_choice import attended, by_patient, evaluated
from mgi.core.run_files import FILES
from mgi.evaluation.patient_scores import without_expression
from mgi.locks.lock import as_json, read_lock
from mgi.reporting.analyses import ANALYSES, analysis_sections
from mgi.reporting.bags_section import BagsInput, bags_section
from mgi.reporting.figures import draw_all, write_figures
from mgi.reporting.page import page, summary
from mgi.reporting.presence_section import presence_section
from mgi.reporting.provenance import commit, machine, rule_costs, versions
from mgi.reporting.result_files import n_genes, read_csv, require_one_cohort
from mgi.reporting.results import Results, folds_run, read_curve
from mgi.shards.bags import KIND as BAGS
from mgi.shards.bags import SHEET, OpenBags, open_bags
from mgi.shards.dataset_manifest import dataset_of, kind_of
from mgi.shards.image_shard import OpenImages
from mgi.shards.parquet import run_in
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.reporting import reporting_of
from mgi.tasks.scoring import headline_of, scoring_of


def add_options(options: argparse.ArgumentParser) -> None:
    required = {
        "cohort": "cohort table (Parquet)",
        "split": "split table (Parquet)",
        "results-table": "results of compare (CSV)",
        "no-genes": "results of compare without genes, over all patients (CSV)",
        "tests": "tests of compare (CSV)",
        "audit": "audit of compare (CSV)",
        "patients": "patients of compare (CSV)",
        "image-shard": "dataset.json of the image shard",
        "config": "the whole config (JSON)",
        "output": "the page (HTML)",
        "summary": "the numbers (JSON)",
    }
    for name, meaning in required.items():
        options.add_argument(f"--{name}", type=Path, required=True, help=meaning)
    options.add_argument("--slide-shard", type=Path, help="dataset.json of slides that are read beside scans")
    options.add_argument("--locks", type=Path, nargs="+", required=True, help="lock of each modality (JSON)")
    options.add_argument("--features", type=Path, help="genes of the expression shard (Parquet), for their count")
    options.add_argument("--paper-like", type=Path, help="watermarked table of paper-like (CSV)")
    add_runs(options, "--predictions, --curves and --attention")
    options.add_argument("--predictions", type=Path, nargs="*", default=[], help="predictions to show (Parquet)")
    options.add_argument("--curves", type=Path, nargs="*", default=[], help="training logs, runs/<run>/curves.jsonl")
    options.add_argument("--attention", type=Path, nargs="*", default=[], help="of the tiles of slides (Parquet)")
    options.add_argument("--benchmarks", type=Path, help="folder of Snakemake's benchmark tables")
    for name in ("probe", "explain", "associate"):
        options.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"what the rule `{name}` wrote")
    options.add_argument("--figures", type=Path, help="folder to write the page's figures to as well (SVG, PNG)")
    options.add_argument("--title", help="title of the page (default: by the task)")


def run(args: argparse.Namespace) -> None:
    locks = {lock.modality: (path, lock) for path, lock in ((path, read_lock(path)) for path in args.locks)}
    predictions = of_each_run(args.predictions, args.runs, evaluated)
    curves = of_each_run(args.curves, args.runs, by_patient)
    runs = _runs(predictions, args.results_table.parent)
    config = read_json(args.config)
    patients = read_csv(args.patients)
    task = config.get("runs", {}).get("task", DEFAULT_TASK)
    headline = headline_of(scoring_of(task), config.get("evaluation", {}).get("headline", ""))
    known = read_cohort(args.cohort)
    cohort, split = known.table, read_split(args.split)
    tables = {"results": read_csv(args.results_table), "no_genes": read_csv(args.no_genes)}
    tables |= {"tests": read_csv(args.tests), "patients": patients}
    images = open_bags(args.image_shard) if kind_of(args.image_shard) == BAGS else OpenImages(args.image_shard)
    beside = None if args.slide_shard is None else open_bags(args.slide_shard)
    slices = _counts(images)
    seen = slices if beside is None else {**slices, **_counts(beside)}
    require_one_cohort(cohort, split, seen, {one: lock for one, (_, lock) in locks.items()}, where=args.cohort)
    reporting, simulated = reporting_of(task), any(lock.simulated for _, lock in locks.values())
    analyses = analysis_sections(_analysed(args), simulated=simulated)  # first: masks take longer to draw
    run_here = split[split["fold"].isin(folds_run(config, split))]
    section = reporting.section(
        ReportInput(
            **tables,
            headline=headline,
            simulated=simulated,
            unpaired=len(without_expression(run_here)),
            predictions=predictions,
            image_shard=args.image_shard,
            leaky=read_csv(args.paper_like) if args.paper_like else None,
            sites={str(row.patient_id): str(row.site) for row in cohort.itertuples()},
            voxel_ml=_voxel_ml(images, patients["patient_id"].unique()),
        )
    )
    if isinstance(bags := beside or images, OpenBags):
        scored = headline, reporting.definition_name(headline)
        analyses["slides"] = _of_slides(args, bags, tables["results"], scored, simulated=simulated)
    results = Results(
        **tables,
        cohort=cohort,
        split=split,
        locks={kind: as_json(lock) for kind, (_, lock) in locks.items()},
        lock_digests={kind: sha256_of(path) for kind, (path, _) in locks.items()},
        audit=read_csv(args.audit),
        headline=headline,
        reporting=reporting,
        section=section,
        analyses=analyses,
        slices=slices,
        genes=n_genes(args.features) if args.features else None,
        curves=[read_curve(path, {run.key: run.label for run in runs}) for path in sorted(curves)],
        costs=rule_costs(args.benchmarks) if args.benchmarks else [],
        versions=versions(),
        commit=commit(),
        machine=machine(),
        config=config,
        presence=presence_section(known, simulated=simulated),
        image_unit="tiles" if isinstance(images, OpenBags) else "slices",
    )
    _write(args, results, args.title or section.title)


def _write(args: argparse.Namespace, results: Results, title: str) -> None:
    """The page, its figures, and last the numbers with the digests of all."""
    drawn = draw_all(results)
    with atomic_path(args.output) as part:
        part.write_text(page(results, drawn, title), encoding="utf-8")
    written = [args.output, *(write_figures(drawn, args.figures) if args.figures else [])]
    files = {os.path.relpath(path, args.summary.parent): sha256_of(path) for path in written}
    write_json(args.summary, {**summary(results), FILES: files})


def _analysed(args: argparse.Namespace) -> dict[str, Path]:
    """The folders of the analyses that were made."""
    return {name: path for name in ANALYSES if (path := vars(args)[name])}


def _of_slides(
    args: argparse.Namespace, bags: OpenBags, results: pd.DataFrame, score: tuple[str, str], *, simulated: bool
) -> Section:
    """The part on slides; `score` is the headline and its name."""
    return bags_section(
        BagsInput(
            bags=bags,
            sheet=dataset_of(args.slide_shard or args.image_shard).with_name(SHEET),
            attention=of_each_run(args.attention, args.runs, attended),
            results=results,
            headline=score[0],
            score=score[1],
            simulated=simulated,
            beside_scans=args.slide_shard is not None,
        )
    )


def _counts(images: OpenImages | OpenBags) -> dict[str, int]:
    """How many slices each patient has, or tiles."""
    if isinstance(images, OpenImages):
        return {patient: images.n_slices(patient) for patient in images.patient_ids}
    counts = Counter[str]()
    for row in images.slides.select(["patient_id", "tiles"]).to_pylist():
        counts[row["patient_id"]] += row["tiles"]
    return dict(counts)


def _voxel_ml(images: OpenImages | OpenBags, patients: Iterable[str]) -> dict[str, float]:
    """The volume of a voxel of each patient whose images have a geometry; slides have none."""
    if isinstance(images, OpenBags):
        return {}
    known = set(images.patient_ids)
    volumes = {patient: images.voxel_ml(patient) for patient in patients if patient in known}
    return {patient: volume for patient, volume in volumes.items() if volume is not None}


def _runs(predictions: Sequence[Path], evaluation: Path) -> list[Run]:
    """The runs that predicted, one a file, which must be the one that was scored where the scores are there."""
    runs = {path: run_in(path) for path in sorted(predictions)}
    counts = Counter(run.key for run in runs.values())
    if twice := [path for path, run in runs.items() if counts[run.key] > 1]:
        raise BadInputError(
            f"{twice[0]}: predictions of {runs[twice[0]].key}, as {twice[1]}: expected each run once; "
            "predict both again"
        )
    for path in runs:
        if (scores := evaluation / path.name).is_file():
            run_in(scores)
    return list(runs.values())
