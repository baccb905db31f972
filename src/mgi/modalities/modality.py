"""What the rest needs to know of a modality; its code is named, and loaded only by who moves or reads its data."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mgi.core.errors import ConfigError
from mgi.locks.item import Item

Section = Mapping[str, Any]
# Files of a shard folder by what is stored in it, the description last.
SHARD_FILES: Mapping[str, tuple[str, ...]] = {
    "table": ("values.parquet", "features.parquet", "dataset.json"),
    "volumes": ("slices.parquet", "dataset.json"),
    "bags": ("tiles.parquet", "dataset.json"),
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = ("patient_id", "site", "status", "reason", "notes", "simulated")


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One kind of data of a patient, from its sources to a shard.

    `settings` is `module:Class` of its section of the config, `fetching` the module with `open_source` (see
    modalities.fetching), `sharding` that with `shard` (see modalities.sharding). `own_files` has for each source the
    key of the section that names the user's file or folder, `lists` the keys of other files that a source reads.
    `shard_keys` are the keys that only the shard reads, `shared_keys` those that the source and the shard read,
    `shard_inputs` the files of other rules that it reads, by name.
    `absent` and `note` are as in cohort.pairing.Offer, `fits` as in locks.runners_up.
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
    shard_reads_cohort: bool = False
    shard_inputs: Callable[[Section], Mapping[str, str]] = lambda section: {}
    absent: Callable[[Sequence[Item]], str] = lambda items: "no item chosen" if items else "no item"
    note: Callable[[Item], str | None] = lambda item: item.sample or item.key
    fits: Callable[[Item, Item], bool] = lambda one, other: True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _TAKEN:
            raise ConfigError(f"modality: found {self.name!r}, expected a name in small letters that no column has")

    @property
    def is_image(self) -> bool:
        """Whether it shows the patient; a table has numbers."""
        return self.shard_format != "table"

    @property
    def shard_files(self) -> tuple[str, ...]:
        """Names of the files in its shard folder, the description last."""
        return SHARD_FILES[self.shard_format]

    def own_path(self, section: Section) -> str | None:
        """The user's file or folder that stands in for an archive, where the section names one."""
        key = self.own_files.get(section["source"])
        return None if key is None else section.get(key)
