"""The records of a shard's parts: each stands beside the file of its part, is written last, and says what is in it.

So the shard is described without reading the files again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError
from mgi.core.mending import mend_of
from mgi.core.parts import PART_FILE, PART_RECORD, all_parts, numbers_of, part_of
from mgi.shards.dataset_manifest import read_description, write_dataset


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """One finished part: its file with digest and rows, all fields of the record, and what is stated of the shard."""

    path: Path
    file: Path
    sha256: str
    rows: int
    fields: Mapping[str, Any]
    stated: Mapping[str, Any]

    def require_own(self, patients: Iterable[str]) -> None:
        """Raise BadInputError where one of the patients is of another part."""
        _, count = numbers_of(name := self.fields["part"], "part")
        if strange := [patient for patient in patients if part_of(patient, count) != name]:
            raise BadInputError(
                f"{self.path}: {strange[0]} is of {part_of(strange[0], count)}, expected {name} alone; "
                f"{mend_of(self.path)}"
            )


def write_record(record: Path, kind: str, file: Path, sha256: str, *, part: str, **fields: Any) -> None:
    """Write the record of a finished part; `stated` of the fields must be the same in every part."""
    write_dataset(record, kind, [file], {"part": part, **fields}, digests={file.name: sha256})


def read_records(folder: Path, count: int, kind: str, fields: Sequence[str]) -> list[PartRecord]:
    """All records of a shard, each with these fields; of the files only size and footer are compared.

    Raises BadInputError where one is missing or foreign, or states something else of the shard than the first one,
    IntegrityError where a file is not that of its record.
    """
    records = [_read_record(folder, part, kind, fields) for part in all_parts(count)]
    first = records[0]
    for one in records:
        for name in sorted(first.stated.keys() | one.stated.keys()):
            found, expected = one.stated.get(name), first.stated.get(name)
            if found != expected:
                wanted = f"{expected!r} as in {first.path.name}"
                raise BadInputError(f"{one.path}: {name}: found {found!r}, expected {wanted}; {mend_of(one.path)}")
    return records


def _read_record(folder: Path, name: str, kind: str, fields: Sequence[str]) -> PartRecord:
    path, file = folder / PART_RECORD.format(part=name), folder / PART_FILE.format(part=name)
    given, mend = read_description(path, kind, ("part", "stated", *fields)), mend_of(path)
    if given["part"] != name or [*given["files"]] != [file.name]:
        raise BadInputError(f"{path}: part: found {given['part']!r}, expected {name} with {file.name}; {mend}")
    if not isinstance(given["stated"], dict):
        raise BadInputError(f"{path}: stated: found {given['stated']!r}, expected entries by name; {mend}")
    about = given["files"][file.name]
    if not isinstance(about.get("sha256"), str):
        raise BadInputError(f"{path}: files: {file.name}: sha256: found {about.get('sha256')!r}, expected one; {mend}")
    return PartRecord(
        path=path, file=file, sha256=about["sha256"], rows=about["rows"], fields=given, stated=given["stated"]
    )
