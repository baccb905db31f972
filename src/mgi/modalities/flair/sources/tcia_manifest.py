"""A `.tcia` list of series, as TCIA's search page saves it.

Source: two published manifests. `key=value` lines, of which only two matter here, then one SeriesInstanceUID a line;
in one of the two a heading stands before the first.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mgi.core.errors import BadInputError
from mgi.core.ids import is_dicom_uid
from mgi.modalities.flair.sources.general_commons import named

MAX_BYTES = 64 << 20
_LIST = "ListOfSeriesToDownload"
_SERVER = "downloadServerUrl"


@dataclass(frozen=True, kw_only=True)
class SeriesManifest:
    """The listed series, each once and in order; the host that the list names; what was skipped in reading it."""

    series: tuple[str, ...]
    host: str | None
    notes: tuple[str, ...]


def read_tcia_manifest(path: Path) -> SeriesManifest:
    """Read a `.tcia` file; unknown keys are ignored, lines that are no UID are skipped and named."""
    head, found, tail = _text_of(path).partition(_LIST + "=")
    if not found:
        raise BadInputError(f"{path}: no line {_LIST}=, expected a .tcia manifest")
    keys = dict(line.strip().split("=", 1) for line in head.splitlines() if "=" in line)
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    uids = [line for line in lines if is_dicom_uid(line)]
    skipped = [repr(line[:40]) for line in lines if not is_dicom_uid(line)]
    if not uids:
        raise BadInputError(f"{path}: no SeriesInstanceUID after {_LIST}=")
    series = tuple(dict.fromkeys(uids))
    notes = []
    if skipped:
        notes.append(f"{path.name}: {len(skipped)} lines are no UID and were skipped: {named(skipped)}")
    if len(series) < len(uids):
        notes.append(f"{path.name}: {len(uids) - len(series)} series are listed more than once")
    return SeriesManifest(series=series, host=urlsplit(keys.get(_SERVER, "")).hostname, notes=tuple(notes))


def note_of_host(manifest: SeriesManifest, configured: str) -> tuple[str, ...]:
    """What to say where the list names another host than the configured one, which is the one that is asked."""
    if manifest.host is None or manifest.host == urlsplit(configured).hostname:
        return ()
    asked = urlsplit(configured).hostname
    return (f"the manifest names the server {manifest.host}; modalities.flair.base_url ({asked}) is asked instead",)


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInputError(f"{path}: larger than {MAX_BYTES} bytes, expected a .tcia manifest")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: not text, expected a .tcia manifest") from None
    except OSError as error:
        raise BadInputError(f"modalities.flair.manifest: {path}: {error.strerror}") from None
