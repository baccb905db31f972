"""What a file of the results was made from, by path from its folder: this tells a whole file of other results."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import sha256_of

Origins = Mapping[str, str]
"""SHA-256 of each source by its path from the folder of what was made of it."""


def origins_of(target: Path | str, sources: Iterable[Path | str]) -> dict[str, str]:
    """The sources of a file that is to lie at `target`."""
    folder = Path(target).parent
    return {os.path.relpath(source, folder): sha256_of(source) for source in sorted(map(Path, sources))}


def require_origins(path: Path | str, origins: Origins, mend: str, *, all_there: bool) -> None:
    """Raise IntegrityError where a source is another than when the file was made of it.

    One that is missing, as in results that were carried elsewhere, is a BadInputError where `all_there` are expected.
    """
    for name, expected in sorted(origins.items()):
        source = Path(path).parent / name
        if not source.is_file():
            if all_there:
                raise BadInputError(f"{source}: missing, though {path} was made from it; {mend}")
        elif (found := sha256_of(source)) != expected:
            raise IntegrityError(
                f"{path}: made from {name} with sha256 {expected}, but that has {found} now: one of the two is "
                f"damaged or of other results; {mend}"
            )
