"""What the rest needs to know of a modality; its code is named, and loaded only by who moves or reads its data."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mgi.core.errors import ConfigError
from mgi.core.parts import PART_FILE, PART_PICTURE, PART_RECORD
from mgi.locks.item import Item

Section = Mapping[str, Any]
# What one job writes into a shard folder, by what is stored there, the record last. All but tables come in parts.
SHARD_FILES: Mapping[str, Mapping[str, str]] = {
    "table": {"values": "values.parquet", "features": "features.parquet", "dataset": "dataset.json"},
    "volumes": {"slices": PART_FILE, "part": PART_RECORD},
    "bags": {"tiles": PART_FILE, "picture": PART_PICTURE, "part": PART_RECORD},
}
# Which of them others read beside the description, and what is described once for all parts.
READ_OF_PART: Mapping[str, str] = {"volumes": "slices", "bags": "tiles"}
DESCRIBED_WITH: Mapping[str, tuple[str, ...]] = {"bags": ("slides.parquet",)}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = ("patient_id", "site", "status", "reason", "notes", "simulated")


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One kind of data of a patient, from its sources to a shard.

    `settings` is `module:Class` of its section of the config, `fetching` the module with `open_source` (see
    modalities.fetching), `sharding` that with `shard` (see modalities.sharding). `own_files` has for each source the
    key of the section that names the user's file or folder, `lists` the keys of other files that a source reads.
    `shard_keys` are the keys that only the shard reads, `shared_keys` those that the source and the shard read,
    `shard_inputs` the files of other rules that it reads, by name. `fetch_reads_shard_keys` says of a section
    whether its fetch reads the shard's keys too.
    `same_sample_as` names the modality whose sample of a patient is preferred here, where it is configured.
    `absent`, `note` and `told` are as in cohort.pairing.Offer, `fits` as in locks.runners_up.
    `fitting` is the module with `fit` and `transform` (see modalities.fitting), where what a fold's models see of it is
    fitted; `fit_beside` names the modalities whose features the fit is given too, where they are configured.
    `oracles` is the module with `labels_of` (see modalities.oracles), where class labels are read off it.
    """

    name: str
    shard_format: Literal["table", "volumes", "bags"]
    settings: str
    fetching: str
    sharding: str
    companions: tuple[str, ...] = ()
    own_files: Mapping[str, str] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    shard_keys: tuple[str, ...] = ()
    shared_keys: tuple[str, ...] = ()
    shard_inputs: Callable[[Section], Mapping[str, str]] = lambda section: {}
    fetch_reads_shard_keys: Callable[[Section], bool] = lambda section: False
    absent: Callable[[Sequence[Item]], str] = lambda items: "no item chosen" if items else "no item"
    note: Callable[[Item], str | None] = lambda item: item.sample or item.key
    told: Callable[[Item], str | None] = lambda item: None
    fits: Callable[[Item, Item], bool] = lambda one, other: True
    same_sample_as: str | None = None
    fitting: str | None = None
    oracles: str | None = None
    fit_beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _TAKEN:
            raise ConfigError(f"modality: found {self.name!r}, expected a name in small letters that no column has")

    @property
    def is_image(self) -> bool:
        """Whether it shows the patient; a table has numbers."""
        return self.shard_format != "table"

    @property
    def in_parts(self) -> bool:
        """Whether its shard is written in parts, each by a job of its own; a last one describes them."""
        return self.shard_format != "table"

    def shard_files(self, part: str | None = None) -> dict[str, str]:
        """Names of the files that one job writes into its shard folder, by `ShardJob.outputs`'s name for them."""
        return {name: file.format(part=part) for name, file in SHARD_FILES[self.shard_format].items()}

    def own_path(self, section: Section) -> str | None:
        """The user's file or folder that stands in for an archive, where the section names one."""
        key = self.own_files.get(section["source"])
        return None if key is None else section.get(key)
