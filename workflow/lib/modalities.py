"""What the graph of jobs needs of each configured modality: its section, its files, and what decides a stage."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snakemake.io import local

from mgi.cohort.labels.oracles import READ_OFF
from mgi.core.ids import named_patient
from mgi.core.parts import PART_RECORD, all_parts, numbers_of, part_of
from mgi.modalities.modality import DESCRIBED_WITH, READ_OF_PART, SHARD_FILES, Modality
from mgi.modalities.registry import in_order, module_of

from .supplied import existing

RESULTS = "<results>"
HERE = "<local_results>"
"""The same folder, for what no storage provider moves: Snakemake leaves such paths alone, so this has its prefix."""
PACE = ("batches", "threads")
"""Keys of a section that say how files are shared out among jobs and threads, which changes nothing in them."""
FEATURES = SHARD_FILES["table"]["features"]
FIT = "fit"
"""The part of a section that says how a fold's transform is fitted, which no archive and no shard needs to know."""


@dataclass(frozen=True, kw_only=True)
class Configured:
    """One modality with its section of the config."""

    kind: Modality
    section: Mapping[str, Any]

    @property
    def own_path(self) -> str | None:
        """The user's file or folder that stands in for an archive."""
        return self.kind.own_path(self.section)

    @property
    def own_files(self) -> list[str]:
        """The user's file where there is one, as a rule's input."""
        return existing(self.own_path)

    @property
    def given_files(self) -> list[str]:
        """All files that a lock is made from, as a rule's input."""
        listed = [found for key in self.kind.lists for found in existing(self.section.get(key))]
        return [*self.own_files, *listed, *existing(self.section.get("lock"))]

    @property
    def indexes(self) -> list[str]:
        """The indexes of all batches; like the bytes that they list, no storage provider moves them.

        A table of the user's is one: nothing of it has to be brought.
        """
        n_batches = 1 if self.section["source"] == "matrix" else self.section["batches"]
        folder = f"{HERE}/raw/{self.kind.name}"
        return [local(f"{folder}/batch-{one}-of-{n_batches}.json") for one in range(1, n_batches + 1)]

    @property
    def lock(self) -> str:
        """Its lock."""
        return f"{RESULTS}/locks/{self.kind.name}.json"

    @property
    def shard(self) -> list[str]:
        """The files of its shard that others read, the description last."""
        if not self.kind.in_parts:
            return self._in_shard(self.kind.shard_files().values())
        read, beside = READ_OF_PART[self.kind.shard_format], DESCRIBED_WITH.get(self.kind.shard_format, ())
        parts = [self.kind.shard_files(part)[read] for part in all_parts(self.section["batches"])]
        return self._in_shard([*parts, *beside, "dataset.json"])

    @property
    def part_files(self) -> list[str]:
        """The files of the parts of its shard but their records."""
        of_parts = (self.kind.shard_files(part).values() for part in all_parts(self.section["batches"]))
        return self._in_shard(name for names in of_parts for name in names if not name.endswith(".json"))

    @property
    def sheet(self) -> list[str]:
        """The picture of all that a shard of bags holds; nothing of another shard."""
        return self._in_shard(["slides.png"]) if self.kind.shard_format == "bags" else []

    @property
    def part_records(self) -> list[str]:
        """The records of the parts of its shard; it has as many as its fetch has batches."""
        return self._in_shard(PART_RECORD.format(part=part) for part in all_parts(self.section["batches"]))

    @property
    def shard_inputs(self) -> dict[str, str]:
        """Files of the user or of other rules that the shard reads, by name."""
        return dict(self.kind.shard_inputs(self.section))

    @property
    def made_inputs(self) -> list[str]:
        """Those of them that other rules make."""
        return [path for path in self.shard_inputs.values() if path.startswith(f"{RESULTS}/")]

    def shard_options(self, paths: Sequence[str]) -> list[str]:
        """The same as an option of the command, `paths` being where the files lie."""
        given = [f"{name}={path}" for name, path in zip(self.shard_inputs, paths, strict=True)]
        return ["--input", *given] if given else []

    @property
    def fetching_code(self) -> tuple[str, str]:
        """The modules that say what it is and how it is fetched, for a fingerprint."""
        return module_of(self.kind.name), self.kind.fetching

    @property
    def sharding_code(self) -> tuple[str, str]:
        """The modules that say what it is and how its shard is made, for a fingerprint."""
        return module_of(self.kind.name), self.kind.sharding

    @property
    def fitting_code(self) -> list[str]:
        """The modules that say what it is and how it is fitted, for a fingerprint."""
        return [module_of(self.kind.name), *([self.kind.fitting] if self.kind.fitting else [])]

    @property
    def asked(self) -> str:
        """What an archive is asked by, as JSON: all but the pace, and what only the shard or a fold reads."""
        return self._without(*PACE, *self.kind.shard_keys)

    @property
    def fetched(self) -> str:
        """What a fetch follows, as JSON: the same with the number of files under way at once.

        And with the keys of the shard, where the fetch reads them too.
        """
        hidden = () if self.kind.fetch_reads_shard_keys(self.section) else self.kind.shard_keys
        return self._without("batches", *hidden)

    @property
    def stored(self) -> str:
        """What decides what the shard stores, as JSON."""
        keys = (*self.kind.shard_keys, *self.kind.shared_keys)
        return _as_json({key: self.section[key] for key in keys if key in self.section})

    def _in_shard(self, names: Iterable[str]) -> list[str]:
        return [f"{RESULTS}/shards/{self.kind.name}/{name}" for name in names]

    def _without(self, *keys: str) -> str:
        hidden = (*keys, FIT)
        return _as_json({key: value for key, value in self.section.items() if key not in hidden})


def configured(config: Mapping[str, Any]) -> dict[str, Configured]:
    """The configured modalities by name, in the registry's order."""
    given = {name: section for name, section in config["modalities"].items() if section is not None}
    return {kind.name: Configured(kind=kind, section=given[kind.name]) for kind in in_order(given)}


def of_format(modalities: Mapping[str, Configured], shard_format: str) -> str:
    """A pattern for a wildcard: the names of the modalities whose shards have this format."""
    return "|".join(name for name, one in modalities.items() if one.kind.shard_format == shard_format) or "(?!)"


def oracle_shards(modalities: Mapping[str, Configured], oracles: Iterable[str]) -> list[str]:
    """The shards that the labels of these oracles are read off."""
    names = dict.fromkeys(READ_OFF[oracle] for oracle in oracles)
    return [path for name in names for path in modalities[name].shard]


def oracle_code(modalities: Mapping[str, Configured], oracles: Iterable[str]) -> list[str]:
    """The modules that read them off, for a fingerprint."""
    kinds = [modalities[name].kind for name in dict.fromkeys(READ_OFF[oracle] for oracle in oracles)]
    return [module for kind in kinds for module in (module_of(kind.name), kind.oracles) if module]


def sample_lock(modalities: Mapping[str, Configured], wildcards: Any) -> list[str]:
    """The lock of the modality whose samples this one prefers, where there is one."""
    name = modalities[wildcards.modality].kind.same_sample_as
    return [modalities[name].lock] if name is not None and name in modalities else []


def fitted_files(modalities: Mapping[str, Configured], folds: Iterable[int]) -> list[str]:
    """What each fold fits of the modalities whose rooms say how."""
    names = [name for name, one in modalities.items() if one.kind.fitting is not None]
    return [f"{RESULTS}/folds/{fold}/{name}.parquet" for fold in folds for name in names]


def is_fitted(modalities: Mapping[str, Configured]) -> str:
    """A pattern for a wildcard: the names of the modalities whose rooms say how they are fitted."""
    return "|".join(name for name, one in modalities.items() if one.kind.fitting is not None) or "(?!)"


def features_beside(modalities: Mapping[str, Configured], wildcards: Any) -> list[str]:
    """The features of other modalities that a fit is given, as far as these are configured."""
    named = modalities[wildcards.modality].kind.fit_beside
    return [f"{RESULTS}/shards/{name}/{FEATURES}" for name in named if name in modalities]


def beside_options(paths: Iterable[str]) -> list[str]:
    """The same for a command line, `paths` being where the files lie."""
    given = [f"{str(path).split('/')[-2]}={path}" for path in paths]
    return ["--beside", *given] if given else []


def what_they_are(modalities: Mapping[str, Configured]) -> list[str]:
    """The modules that say what the modalities are, for a fingerprint."""
    return [module_of(name) for name in modalities]


def fetching_code(modalities: Mapping[str, Configured]) -> list[str]:
    """The modules that say how all modalities are fetched, for a fingerprint."""
    return [name for one in modalities.values() for name in one.fetching_code]


def for_each_batch(paths: Iterable[str]) -> list[str]:
    """The indexes of all batches as one path a modality, with `{batch}` in place of the number."""
    first = "batch-1-of-"
    return ["batch-{batch}-of-".join(str(path).rsplit(first, 1)) for path in paths if first in str(path)]


def part_options(excluded: Iterable[str], wildcards: Any) -> list[str]:
    """Which part a job writes and whom of it the config excludes, as options; nothing for a shard without parts.

    The excluded patients of other parts are left out: a job whose parameters are the same is not run again.
    """
    if (part := wildcards.get("part")) is None:
        return []
    _, count = numbers_of(part, "part")
    own = sorted(patient for patient in set(map(named_patient, excluded)) if part_of(patient, count) == part)
    return ["--part", part, *(["--exclude", *own] if own else [])]


def described(files: Iterable[str]) -> list[str]:
    """Those of the files of several shards that describe the others."""
    return [str(path) for path in files if str(path).endswith("/dataset.json")]


def asked_of_all(modalities: Mapping[str, Configured]) -> str:
    """What the archives of all modalities are asked by, as JSON."""
    return _as_json({name: json.loads(one.asked) for name, one in modalities.items()})


def _as_json(given: Mapping[str, Any]) -> str:
    """Sorted keys, so that equal settings give equal text."""
    return json.dumps(given, sort_keys=True)
