"""Out of memory, by whichever library, called by its name."""

import errno
import re
from pathlib import Path

# numpy and Arrow raise MemoryError; torch and C++ libraries say it in words.
_IN_WORDS = re.compile(
    r"\b(?:m|re|c)alloc of size \d+ failed|can(?:'|no)t allocate memory|std::bad_alloc|\bout of memory\b",
    re.IGNORECASE,
)
# What is packed unpacks to less than this many times its size, and some megabytes are always asked for.
_MOST_RATIO, _ALWAYS_BYTES = 200, 64 << 20


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine, or the limit of the job, had no memory left."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return not isinstance(error, OSError) and _IN_WORDS.search(str(error)[:10_000]) is not None


def out_of_memory(error: BaseException, *, rule: str, setting: str = "") -> str:
    """What to say and to do; `setting` is the key of the config that gives the rule its memory, if one does."""
    said = " ".join(str(error).split())[:160]
    more = setting or f"--set-resources {rule}:mem_mb=…"
    return (
        f"out of memory{f' ({said})' if said else ''}: run fewer jobs at once (--cores 1), or where a scheduler limits "
        f"the job's memory raise the rule's mem_mb ({more})"
    )


def is_false_claim(error: MemoryError, path: Path | str) -> bool:
    """Whether so much was asked for that the file cannot hold it: the file is damaged, and memory is not what lacks."""
    asked = re.search(r"alloc of size (\d{1,30}) failed", str(error))
    return asked is not None and int(asked[1]) > _MOST_RATIO * Path(path).stat().st_size + _ALWAYS_BYTES
