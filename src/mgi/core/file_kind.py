"""What a file is by its first bytes, for the message where it is not what its name or its place promises."""

import os
import re
from pathlib import Path

START_BYTES = 4096
GZIP, PARQUET = "gzip", "Parquet"
_BY_MAGIC = {
    b"\x1f\x8b": GZIP,
    b"PAR1": PARQUET,
    b"PK\x03\x04": "a zip, such as an Excel workbook (.xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x89HDF": "HDF5",
    b"RDX": "R's own data",
    b"X\n\x00": "R's own data",
    b"ARROW1": "Feather",
    b"SQLite format 3": "SQLite",
    b"\x80\x04\x95": "a Python pickle",
    b"%PDF": "a PDF",
    b"\x93NUMPY": "a NumPy array",
    b"\x00\x00\x00": "a binary file",
}
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_PAGES = (b"<!doctype", b"<html", b"<?xml")


def kind_of_bytes(start: bytes) -> str | None:
    """What bytes at the beginning of a file betray: its kind, or None where it may be text of a table."""
    found = next((kind for magic, kind in _BY_MAGIC.items() if start.startswith(magic)), None)
    if found is not None:
        return found
    if start.lstrip().lower().startswith(_PAGES):
        return "a web page (a login or error page that was saved as a download)"
    if start.lstrip().startswith((b"{", b"[{")):
        return "JSON"
    if b"\0" in start:
        return "UTF-16 text" if start[1::2].count(0) + start[::2].count(0) > len(start) // 3 else "a binary file"
    if b"\r" in start and b"\n" not in start:
        return "text with the line ends of an old Macintosh (CR alone)"
    return None


def misplaced(path: Path | str, wanted: str = "file") -> str | None:
    """Why no `wanted` (file or folder) can be read at a path that a user gave, None where there is one."""
    text, place = str(path), Path(path)
    if place.is_dir() if wanted == "folder" else place.is_file():
        return None
    if place.exists():
        return f"{'a folder' if place.is_dir() else 'a file'} at {text}"
    return f"no {wanted} at {text}{hint_of(text)}"


def hint_of(text: str) -> str:
    """What a path that leads nowhere looks like, in brackets; empty where it looks like nothing but a path."""
    if text.startswith("~"):
        return " ('~' is a shell's word for your home folder: write the whole path)"
    if _DRIVE.match(text) or text.startswith("\\\\"):
        return " (a path of Windows; in WSL drive C: is /mnt/c, with / for \\)"
    if "$" in text:
        return " (a shell's variable is not filled in here: write the whole path)"
    return "" if Path(text).is_absolute() else f" (looked for in {Path.cwd()})"


def hint_where_absent(path: Path) -> str:
    """The hint of a path at which nothing is; empty where something is that cannot be read."""
    return "" if os.path.exists(path) else hint_of(str(path))  # noqa: PTH110 (Path.exists raises in a locked folder)
