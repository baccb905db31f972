"""One thing that a source offers for one patient, whatever it measures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator

from mgi.core.section import refusal


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    raise refusal("", value, "text, a number or null")


MetadataValue = str | int | float | bool | None
Metadata = Mapping[str, Annotated[MetadataValue, BeforeValidator(_plain)]]

# A person who chooses what the rules would not says so in the reason, which the lock's reviewer then reads.
BY_HAND = "by hand: "


@dataclass(frozen=True, kw_only=True)
class Item:
    """One offer and the verdict on it; `key` is its name at the source: a file id, a series' UID, a label, a path.

    `role` is the modality's name, or that of what comes with it (`mask`); `holds` are the roles that lie in the same
    item. `sample` is the barcode of what was measured, `size` is in bytes before packing. `md5` is what the archive
    announces of a file, `digest` the SHA-256 that pins what lies in a user's folder. `runner_up` numbers, from 1, what
    is tried in the place of the chosen item where that is rejected, and what comes with it. `metadata` is what only
    this modality knows, such as a series' description.
    """

    patient_id: str
    key: str
    role: str
    size: int
    chosen: bool
    reason: str
    sample: str | None = None
    md5: str | None = None
    digest: str | None = None
    holds: tuple[str, ...] = ()
    runner_up: int | None = None
    metadata: Metadata = field(default_factory=dict)

    def number(self, name: str) -> int:
        """An entry that is a count; 0 where it is absent or none."""
        value = self.metadata.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def text(self, name: str) -> str:
        """An entry that is text; empty where it is absent or none."""
        value = self.metadata.get(name)
        return value if isinstance(value, str) else ""


def metadata(**given: MetadataValue) -> Metadata:
    """The entries that say something."""
    return {name: value for name, value in given.items() if value is not None}
