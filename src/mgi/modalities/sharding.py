"""How fetched items become a shard.

The module that a modality names as `sharding` has `shard(job)`, which writes the files of the shard, its description
last, and returns in a few words what it holds. Of volumes and bags it writes one part
(`shards.image_parts.part_writer`, `shards.bag_parts.bag_part_writer`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mgi.cohort.pairing import Presence
from mgi.core.errors import BadInputError, ConfigError
from mgi.locks.lock import Lock
from mgi.locks.raw_index import RawEntry


@dataclass(frozen=True, kw_only=True)
class ShardJob:
    """All that a shard is made from, and the files to write by name (see modality.SHARD_FILES).

    `table` is the user's own file or folder, `inputs` are the files that the modality asked for by name. `part` is the
    one to write of volumes and bags, such as `2-of-4`, and `patients` says what of whom it holds, in order of ids.
    """

    lock: Lock
    raw: Mapping[str, RawEntry]
    outputs: Mapping[str, Path]
    table: str | None = None
    part: str = ""
    patients: Mapping[str, Presence] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1

    def own_table(self, what: str) -> str:
        """The user's own file or folder. Raises ConfigError saying what was expected where it was not given."""
        if self.table is None:
            raise ConfigError(f"--table: missing, expected the {what} that the lock was made from")
        return self.table

    def usable(self) -> list[RawEntry]:
        """What was fetched of the chosen items and can serve, by patient.

        Raises BadInputError where one was not fetched, or none can serve.
        """
        items = [item for item in self.lock.chosen if item.role == self.lock.modality]
        if missing := [item for item in items if item.key not in self.raw]:
            raise BadInputError(f"{missing[0].patient_id}: {missing[0].key}: in no raw index; fetch it again")
        entries = [self.raw[item.key] for item in items if self.raw[item.key].rejected is None]
        if not entries:
            raise BadInputError(f"{self.lock.modality}: no chosen item that can serve, expected one per patient")
        return entries
