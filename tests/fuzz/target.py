"""What a target is: honest inputs, the mutations that suit their format, and a reader.

A reader may raise MgiError (and what its caller turns into one); it must not accept other content than the honest
input's where its format carries digests.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz.mutate import Mutation


@dataclass(frozen=True, kw_only=True)
class Seed:
    """An honest input; `note` is what the reader needs to know of it (a UID, a file name)."""

    data: bytes
    note: Any = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """One reader under one kind of damage.

    `reader(seeds folder, scratch folder)` imports what it needs and gives a function of (data, note) that returns
    what was read. `checked` says that the format carries digests: other content may not be accepted. `group` and
    `share` are for the plan: inputs of a group are shared out among its targets.
    """

    name: str
    group: str
    share: float
    seeds: Callable[[Path], list[Seed]]
    mutation: Mutation
    reader: Callable[[Path, Path], Callable[[bytes, Any], Any]]
    checked: bool = False

    def input(self, seeds: list[Seed], number: int) -> tuple[bytes, Seed]:
        """The `number`-th mutated input, the same in every run."""
        rng = random.Random(f"{self.name} {number}")
        seed = rng.choice(seeds)
        return self.mutation(seed.data, rng), seed


def files(kind: str, pattern: str = "*") -> Callable[[Path], list[Seed]]:
    """All honest files of a kind; the note is the file's name."""
    return lambda folder: [
        Seed(data=path.read_bytes(), note=path.name) for path in sorted((folder / kind).glob(pattern)) if path.is_file()
    ]


def on_disk(scratch: Path, call: Callable[[Path], Any]) -> Callable[[bytes, Any], Any]:
    """A reader of paths as a reader of bytes; the note is the file's name."""

    def read(data: bytes, note: Any) -> Any:
        path = scratch / str(note)
        path.write_bytes(data)
        return call(path)

    return read


def fingerprint(value: Any) -> str:
    """What was read, as a digest, for comparing it with what the honest input holds."""
    return hashlib.sha256(repr(value).encode()).hexdigest()
