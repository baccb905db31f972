"""Members of a downloaded series archive, one by one and never extracted to a path."""

from collections.abc import Iterator
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.core.zips import opened_zip, read_member


def read_dicom_members(path: Path | str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every `.dcm` member, in order of name; other members (LICENSE, md5 lists) are ignored.

    Sizes are checked before anything is inflated, CRCs while it is.
    Raises BadInputError where the archive is not a plain zip of files of sane size, or has no such member.
    """
    with opened_zip(path) as archive:
        members = sorted(
            (info for info in archive.infolist() if info.filename.lower().endswith(".dcm")),
            key=lambda info: info.filename,
        )
        if not members:
            raise BadInputError(f"{path}: no .dcm member, expected a series of DICOM files")
        for info in members:
            yield info.filename, read_member(archive, info, label=str(path))
