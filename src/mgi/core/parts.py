"""Work that is shared out: `2-of-4` is the second of four batches or parts, and a patient's part follows from the id.

So others may come or go, and nobody changes parts.
"""

import hashlib
import re
from collections.abc import Collection

from mgi.core.errors import BadInputError, ConfigError

PART_FILE, PART_RECORD, PART_PICTURE = "part-{part}.parquet", "part-{part}.json", "part-{part}.png"
PART_PATTERN = "part-*-of-*.*"
_NUMBERS = re.compile(r"([1-9][0-9]{0,8})-of-([1-9][0-9]{0,8})")
_PART_FILE = re.compile(r"part-[1-9][0-9]*-of-([1-9][0-9]{0,3})\.parquet")


def numbers_of(text: str, what: str) -> tuple[int, int]:
    """The two numbers of `2-of-4`. Raises ConfigError where it is none of that many; `what` names it."""
    found = _NUMBERS.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(f"{what}: found {text!r}, expected I-of-N such as 1-of-4")
    return int(found[1]), int(found[2])


def all_parts(count: int) -> list[str]:
    """All parts of that many, in order."""
    return [f"{one}-of-{count}" for one in range(1, count + 1)]


def part_of(patient_id: str, count: int) -> str:
    """The part that holds a patient."""
    drawn = int.from_bytes(hashlib.sha256(patient_id.encode()).digest()[:8])
    return f"{drawn % count + 1}-of-{count}"


def part_files(names: Collection[str], where: str) -> list[str]:
    """The names of the files of all parts, in order.

    Raises BadInputError where a part is missing, or a file is of no part or of another number of parts.
    """
    found = next((match for name in sorted(names) if (match := _PART_FILE.fullmatch(name))), None)
    expected = [] if found is None else [PART_FILE.format(part=part) for part in all_parts(int(found[1]))]
    if strange := sorted(set(names) - set(expected)):
        wanted = f"{PART_FILE.format(part=f'*-of-{len(expected)}')} alone" if expected else "files of parts"
        raise BadInputError(f"{where}: files: found {strange[0]}, expected {wanted}")
    if not expected:
        raise BadInputError(f"{where}: files: found none, expected files of parts")
    if missing := [name for name in expected if name not in names]:
        raise BadInputError(f"{where}: files: {missing[0]} is missing, expected all of {len(expected)} parts")
    return expected
