"""Every file that a stage or the report reads of a results folder, with what checks it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from mgi.cohort.leak_report import require_no_leaks
from mgi.cohort.split import TRAIN
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.errors import IntegrityError, MgiError
from mgi.core.files import md5_of, read_json, sha256_of
from mgi.core.mending import mend_of
from mgi.core.run import PATIENT, SLICE
from mgi.core.run_files import FILES, RECORD, read_record
from mgi.core.sidecar import SUFFIX, verified
from mgi.datasets.stored_volume import check_prepared
from mgi.locks.lock import read_lock
from mgi.locks.raw_index import read_raw_index
from mgi.modalities.fitted_features import read_fitted_features, train_hash_of
from mgi.reporting.provenance import config_sha256
from mgi.shards.dataset_manifest import DATASET, read_description
from mgi.shards.feature_shard import open_features
from mgi.shards.image_shard import KIND
from mgi.shards.parquet import opened_parquet

GENES = "genes"
Check = Callable[[Path], object]


class Kind(NamedTuple):
    """Files of a results folder that are checked alike."""

    name: str
    pattern: str
    check: Check


def _listed(path: Path) -> None:
    """A JSON file that has the digests of others, and these files."""
    files = read_json(path).get(FILES)
    for name, expected in sorted(files.items()) if isinstance(files, dict) else []:
        other = path.parent / name
        found = sha256_of(other) if other.is_file() else "nothing"
        if found != expected:
            raise IntegrityError(f"{other}: sha256 {found}, expected {expected} as in {path.name}; {mend_of(path)}")


def _described(path: Path) -> None:
    """The file that a sidecar describes."""
    verified(path.with_name(path.name.removesuffix(SUFFIX)))


def _run(path: Path) -> None:
    """A run's record, the files that it describes and those that it learned from."""
    read_record(path)
    _listed(path)


def _recorded(path: Path) -> None:
    """Weights, which run.json beside them describes."""
    if not (beside := path.with_name(RECORD)).is_file():
        raise IntegrityError(f"{beside}: missing, expected beside the weights; {mend_of(path)}")


def _table(path: Path) -> None:
    """A table, and the files that it was made from."""
    with opened_parquet(path):
        pass


def _fold(path: Path) -> None:
    """What a fold fitted; it names no sources, but features have those of the shard, and the patients who train."""
    _table(path)
    if path.stem == GENES:
        return
    results, fold = path.parents[2], int(path.parent.name)
    fitted = read_fitted_features(path)
    dataset, splits = results / "shards" / fitted.modality / DATASET, results / "tables"
    if not dataset.is_file() or not (splits / "split.parquet").is_file():
        return
    shard = open_features(dataset)
    parts = (read_split(splits / name) for name in ("split.parquet", "whole.parquet") if (splits / name).is_file())
    train = [one for split in parts if (split["fold"] == fold).any() for one in patients_with_role(split, fold, TRAIN)]
    known = set(shard.patient_ids)
    own = train_hash_of([one for one in train if one in known])
    for what, found, expected in (
        ("feature_hash", fitted.feature_hash, shard.feature_hash),
        ("train_hash", fitted.train_hash, own),
    ):
        if found != expected:
            raise IntegrityError(f"{path}: {what} {found}, but shard and split have {expected}; {mend_of(path)}")


def _part(path: Path) -> None:
    """The record of a part of images: of the very file beside it, which the shard's description covers whole."""
    read_description(path, KIND)


def _leaks(path: Path) -> None:
    """What was checked for leaks: still the split and the shards of these results."""
    tables, results = path.parent, path.parent.parent
    split = tables / ("whole.parquet" if path.stem.endswith("-whole") else "split.parquet")
    unit = SLICE if path.stem.endswith("-slice") else PATIENT
    require_no_leaks(path, split, sorted((results / "shards").glob(f"*/{DATASET}")), unit)


def _summary(path: Path) -> None:
    """The numbers of the report, its files, and the config that it was made with."""
    _listed(path)
    config, stated = path.with_name("config.json"), read_json(path).get("config_sha256")
    if config.is_file() and (found := config_sha256(read_json(config))) != stated:
        raise IntegrityError(f"{path}: config_sha256 {stated}, but {config.name} has {found}; {mend_of(path)}")


def _named_by_md5(path: Path) -> None:
    if (found := md5_of(path)) != path.name.partition(".")[0]:
        raise IntegrityError(f"{path}: md5 {found}, expected that of its name; {mend_of(path)}")


KINDS = (
    Kind("config", "config.json", read_json),
    Kind("preflight", "preflight.json", read_json),
    Kind("locks", "locks/*.json", read_lock),
    Kind("indexes", "raw/*/batch-*.json", read_raw_index),
    Kind("labels", "raw/labels/cases.json", read_json),
    Kind("annotation", "raw/gencode/*.gtf.gz", _named_by_md5),
    Kind("tables", "tables/*.parquet", _table),
    Kind("tables", "tables/*.tsv", verified),
    Kind("tables", "tables/leaks*.json", _leaks),
    Kind("parts", "shards/*/part-*.json", _part),
    Kind("prepared", "prepared/*/slices.parquet", check_prepared),
    Kind("folds", "folds/*/*.parquet", _fold),
    Kind("aligned", "aligned/split.parquet", _table),
    Kind("aligned", "aligned/split.tsv", verified),
    Kind("aligned", "aligned/metadata.json", read_json),
    Kind("runs", "runs/*/run.json", _run),
    Kind("runs", "runs/*/weights.safetensors", _recorded),
    Kind("predictions", "predictions/*.parquet", _table),
    Kind("predictions", "attention/*.parquet", _table),
    Kind("evaluation", "evaluation/*.parquet", _table),
    Kind("evaluation", "evaluation/*.csv", verified),
    Kind("embeddings", "embeddings/*.parquet", _table),
    Kind("probes", "probe/*.parquet", _table),
    Kind("probes", "probe/*.csv", verified),
    Kind("associations", "associate/*.parquet", _table),
    Kind("associations", "associate/*/*.parquet", _table),
    Kind("associations", "associate/*/*.tsv", verified),
    Kind("attributions", "explain/*.parquet", _table),
    Kind("attributions", "explain/*/*.parquet", _table),
    Kind("attributions", "explain/*.csv", verified),
    Kind("imported", "imported/*/record.json", _run),
    Kind("imported", "imported/*/*.parquet", _table),
    Kind("report", "summary.json", _summary),
    Kind("digests", "*/*.sha256", _described),
)
"""A file is of the first kind whose pattern it matches."""


def kinds_of(results: Path) -> Iterator[tuple[str, list[tuple[Path, Kind]]]]:
    """The files that are there, by name of their kinds; those of the same name stand together."""
    claimed: set[Path] = set()
    by_name: dict[str, list[tuple[Path, Kind]]] = {}
    for kind in KINDS:
        paths = [path for path in sorted(results.glob(kind.pattern)) if path not in claimed]
        claimed.update(paths)
        by_name.setdefault(kind.name, []).extend((path, kind) for path in paths)
    yield from by_name.items()


def fault_of(path: Path, kind: Kind) -> str | None:
    """What is wrong with a file and what makes it again, in a line; None where nothing is."""
    try:
        kind.check(path)
    except MgiError as error:
        return str(error)
    except OSError as error:  # a medium that fails under the file
        return f"{path}: unreadable ({error.strerror}); {mend_of(path)}"
    return None
