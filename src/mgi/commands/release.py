"""Make a folder of a fine-tuned run that others can use: weights, frozen genes, config and model card.

INPUTS: results/X/runs/RUN/weights.safetensors, and from the same results the run's record, its fold's genes, split,
shards and scores. OUTPUT: weights.safetensors, genes.parquet, MODEL_CARD.md, two files of each modality that the run
reads beside expression, configs/metadata.json (as of a MONAI bundle), and last config.json. Of several runs of one
method, such as its folds, an ensemble: a folder like that for each, MODEL_CARD.md, and last config.json.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import mgi
from mgi.cohort.split import TEST, TRAIN, VALIDATION
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import read_json
from mgi.core.run import IMAGE, RANDOM_ID, SLIDES, Run, images_of, run_of
from mgi.core.run_files import require_recorded
from mgi.evaluation.intervals import Interval
from mgi.evaluation.patient_scores import SCORES, per_patient, per_test, without_expression
from mgi.modalities.rna.normalise import read_fitted_genes, train_hash_of
from mgi.modalities.rna.scaled_blocks import scaled_blocks
from mgi.models.settings import NetworkSettings
from mgi.release.card import CardContent, ensemble_card
from mgi.release.ensemble import require_alike, write_ensemble
from mgi.release.further import FurtherFiles, further_of_fold
from mgi.release.package import WEIGHTS, network_of, require_no_release, tile_moments
from mgi.release.package_writer import Trained, write_release
from mgi.release.slide_range import SlideRange, TileSource, measure_slides
from mgi.release.training_range import TrainingRange, measure, root_mean_squares
from mgi.reporting.provenance import commit
from mgi.shards.bags import open_bags
from mgi.shards.dataset_manifest import DATASET
from mgi.shards.expression_shard import open_expression
from mgi.shards.image_shard import OpenImages, iter_images
from mgi.shards.parquet import read_table, run_in
from mgi.tasks.reporting import reporting_of
from mgi.tasks.scoring import OfCohort, Scored, scoring_of
from mgi.training.weights import Weights, load_weights

DRAWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Member:
    """A run to be released, with all that its card tells; `split` (a row per fold and patient) has its patients."""

    weights: Path
    genes: Path
    model: NetworkSettings
    split: pd.DataFrame
    content: CardContent
    further: Mapping[str, FurtherFiles]

    @property
    def run(self) -> Run:
        """The run."""
        return self.content.run

    def write(self, folder: Path) -> None:
        """Make the release of this run alone."""
        write_release(
            folder,
            trained=Trained(weights=self.weights, genes=self.genes, further=self.further),
            content=self.content,
        )


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--weights", required=True, type=Path, nargs="+", metavar="WEIGHTS",
        help="results/X/runs/RUN/weights.safetensors; of several runs of one method, an ensemble is made",
    )  # fmt: skip
    options.add_argument("--results", type=Path, help="folder of the results (default: the one that holds the runs)")
    options.add_argument("--output", required=True, type=Path, help="folder for the release")


def run(args: argparse.Namespace) -> None:
    require_no_release(args.output)
    results = args.results or _results_of(args.weights)
    members = [_member(weights, results) for weights in args.weights]
    if len(members) == 1:
        members[0].write(args.output)
    else:
        require_alike([(member.weights, member.run, member.model) for member in members])
        keys = [member.run.key for member in members]
        for key, member in zip(keys, members, strict=True):
            member.write(args.output / key)
        contents = [member.content for member in members]
        write_ensemble(args.output, keys, ensemble_card(contents, *_patients_of(members)))
    size = sum(path.stat().st_size for path in args.output.rglob(WEIGHTS)) / 1e6
    print(f"{args.output}: {', '.join(member.run.key for member in members)}, {size:.1f} MB of weights")


def _results_of(weights: Sequence[Path]) -> Path:
    """The one folder of results that holds all runs. Raises ConfigError where they lie in several."""
    first, *others = [path.resolve().parents[2] for path in weights]
    for path, results in zip(weights[1:], others, strict=True):
        if results != first:
            raise ConfigError(f"--weights: {path}: found in {results}, expected {first} as {weights[0]}")
    return first


def _patients_of(members: Sequence[Member]) -> tuple[int, int]:
    """How many patients have a role in any member's fold, and how many no member learned from or chose weights by."""
    cohort, learned = set[str](), set[str]()
    for member in members:
        roles = {
            role: set(patients_with_role(member.split, member.run.fold, role)) for role in (TRAIN, VALIDATION, TEST)
        }
        cohort |= set().union(*roles.values())
        learned |= roles[TRAIN] | roles[VALIDATION]
    return len(cohort), len(cohort - learned)


def _member(path: Path, results: Path) -> Member:
    record_path = path.with_name("run.json")
    record = _record(record_path, path)
    run = run_of(record, str(record_path))
    if run.control == RANDOM_ID:
        raise BadInputError(f"{record_path}: run.control: found {RANDOM_ID}, expected none or another: it is no model")
    if run.leaks:
        raise BadInputError(f"{record_path}: run.split_unit: found {run.split_unit}, expected patient")
    genes = results / f"folds/{run.fold}/genes.parquet"
    fitted = read_fitted_genes(genes)
    weights = load_weights(path, genes=fitted.gene_ids)
    if weights.run != run:
        raise BadInputError(f"{record_path}: run: found {run.key}, expected {weights.run.key} as the weights")
    network_of(weights, path)  # refuses what predicts nothing
    split = read_split(results / "tables/split.parquet")
    n_folds = split["fold"].nunique()
    whole = run.fold >= n_folds
    if whole:
        split = read_split(results / "tables/whole.parquet")
    training = patients_with_role(split, run.fold, TRAIN)
    if train_hash_of(training) != fitted.train_hash:
        raise BadInputError(f"{genes}: fitted on other patients than those of fold {run.fold} in the split")
    further = further_of_fold(results, weights, path, training)
    shard = open_expression(results / "shards/rna")
    blocks = scaled_blocks(shard, fitted, shard.rows_of(training))
    rms = [one for _, scaled in blocks for one in root_mean_squares(scaled)]
    seen = _image_shard(results, run)
    images, expression = (read_json(folder / DATASET) for folder in (seen, results / "shards/rna"))
    content = CardContent(
        run=run,
        record=record,
        model=weights.model.plain(),
        images=images,
        expression=expression,
        n_folds=n_folds,
        n_genes=len(fitted.gene_ids),
        scaler=fitted.scaler,
        trained=_measured(seen, weights, training, rms, stripped=_has_seen_stripped(record)),
        head=weights.head,
        slides=None
        if weights.model.tile_width_beside is None
        else _measured_slides(results / "shards" / SLIDES, weights, training, rms),
        further={name: one.read.fitted for name, one in further.items()},
        made_up=any(one.read.simulated for one in further.values()),
        score_name=reporting_of(run.task).definition_name(scoring_of(run.task).headlines[0]),
        scores=_scores(
            results / ("external/evaluation" if whole else "evaluation") / f"{run.key}.parquet",
            without_expression(split),
            scoring_of(run.task),
        ),
        version=mgi.__version__,
        commit=commit(),
    )
    return Member(weights=path, genes=genes, model=weights.model, split=split, content=content, further=further)


def _image_shard(results: Path, run: Run) -> Path:
    """The folder of the images that the run, or its fold where it reads none, is of; of several the first."""
    config = results / "config.json"
    images = images_of(read_json(config)["runs"]) if config.is_file() else (IMAGE,)
    return results / "shards" / (images[0] if len(images) > 1 else run.image or images[0])


def _measured(
    shard: Path, weights: Weights, training: list[str], rms: list[float], *, stripped: bool
) -> TrainingRange | SlideRange:
    """What the training patients' scans, or slides, and genes were like."""
    if weights.model.tile_width is None:
        known = set(OpenImages(shard).patient_ids) if weights.model.tile_width_beside else set(training)
        return measure(iter_images(shard, [one for one in training if one in known]), rms, stripped=stripped)
    return _measured_slides(shard, weights, training, rms)


def _measured_slides(shard: Path, weights: Weights, training: list[str], rms: list[float]) -> SlideRange:
    """What the slides were like of those training patients who have one, and genes."""
    bags = open_bags(shard)
    source = TileSource.of(bags.stated, str(shard / DATASET))
    return measure_slides(bags.bags(training), tile_moments(weights), rms, source)


def _has_seen_stripped(record: Mapping[str, Any]) -> bool:
    """Whether a run drew copies without scalp; records of before there were such say nothing of them."""
    return float(record["settings"].get("augment", {}).get("skull_strip", 0)) > 0


def _record(path: Path, weights: Path) -> dict[str, Any]:
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected beside the weights of a fine-tuned run")
    record = require_recorded(weights)
    if missing := sorted({"settings", "patients", "parameters", "device", "torch"} - set(record)):
        raise BadInputError(f"{path}: {missing[0]}: missing")
    return record


def _scores(path: Path, left_out: set[str], scoring: Scored) -> dict[str, Interval]:
    """The task's headline by expression input over the test patients; empty where the run was not evaluated."""
    if not path.is_file():
        return {}
    if (found := run_in(path).key) != path.stem:
        raise BadInputError(f"{path}: scores of {found}, expected {path.stem} as its name says; evaluate it again")
    scores = read_table(path, SCORES).to_pandas()
    tested, headline = scores[~scores["patient_id"].isin(left_out)], scoring.headlines[0]
    rows = per_test(tested) if isinstance(scoring, OfCohort) else per_patient(tested, scoring.definitions)
    intervals: dict[str, Interval] = {}
    for given, group in rows.groupby("expression_input", sort=True):
        (row,) = (row for row in scoring.summarise(group, DRAWS, 0) if row["definition"] == headline)
        intervals[str(given)] = Interval(**{name: row[name] for name in Interval._fields})  # type: ignore[arg-type]
    return intervals
