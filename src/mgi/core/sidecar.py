"""Text for people, with a digest beside it: `results.csv` and `results.csv.sha256`, which `sha256sum -c` checks too.

Lines of the sidecar that begin with `# made from` name the files that the text was made from, with their digests.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import atomic_path, sha256_of
from mgi.core.mending import mend_of
from mgi.core.origins import Origins, origins_of, require_origins

SUFFIX = ".sha256"
_ORIGIN = "# made from "
_LONGEST = 1 << 20


def sidecar_of(path: Path | str) -> Path:
    """Where the digest of a file lies."""
    return Path(f"{path}{SUFFIX}")


@contextmanager
def digested_path(target: Path | str, made_from: Iterable[Path | str] = ()) -> Iterator[Path]:
    """Yield what `atomic_path` yields; once the file is in place its digest is written beside it.

    A process that is killed in between leaves a file that no reader takes.
    """
    target = Path(target)
    with atomic_path(target) as part:
        yield part
        own = sha256_of(part)
    with atomic_path(sidecar_of(target)) as part:
        part.write_text(_text(target.name, own, origins_of(target, made_from)), encoding="utf-8")


def verified(path: Path | str, mend: str | None = None) -> Path:
    """The path of a file that is the one its sidecar describes, made from files that still are what they were.

    Raises BadInputError where either is missing or the sidecar is none, IntegrityError where a digest is another.
    """
    path, beside, mend = Path(path), sidecar_of(path), mend or mend_of(path)
    for one in (path, beside):
        if not one.is_file():
            raise BadInputError(f"{one}: missing, expected {path.name} with its digest beside it; {mend}")
    own, origins = _read(beside, path.name, mend)
    if (found := sha256_of(path)) != own:
        raise IntegrityError(f"{path}: damaged or edited: sha256 {found}, expected {own} as in {beside.name}; {mend}")
    require_origins(path, origins, mend, all_there=True)
    return path


def _read(beside: Path, name: str, mend: str) -> tuple[str, Origins]:
    """The digest of the file and those of its sources, as they are written and in no other way."""
    try:
        text = beside.read_bytes()[:_LONGEST].decode()
        *comments, last = text.splitlines()
        origins = {one.removeprefix(_ORIGIN)[66:]: one.removeprefix(_ORIGIN)[:64] for one in comments}
        if text == _text(name, last[:64], origins) and "\0" not in text:
            return last[:64], origins
    except ValueError:
        pass
    raise IntegrityError(f"{beside}: not the digest of {name} as it was written; {mend}")


def _text(name: str, own: str, origins: Origins) -> str:
    lines = [f"{_ORIGIN}{digest}  {source}" for source, digest in sorted(origins.items())]
    return "\n".join([*lines, f"{own}  {name}"]) + "\n"
