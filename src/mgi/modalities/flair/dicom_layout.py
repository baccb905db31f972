"""Where the elements of a DICOM file begin and how they are written, also where preamble and file meta group lack.

Exports of some scanners and archives hold the data set alone. Its first elements then tell its syntax, as pydicom's
`force` finds it; what does not name an object within them is taken for no DICOM.
"""

import struct
from typing import NamedTuple

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

PREAMBLE_BYTES = 128
START_BYTES = 2048  # of a file, enough to tell
_MAGIC = b"DICM"
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_META, _OBJECT = 0x0002, 0x0008  # groups: of the file meta, of what the object is
_CLASS_UID, _OBJECT_UID = 0x00080016, 0x00080018
_MOST_ELEMENTS = 32
_BIG = ExplicitVRBigEndian


class Layout(NamedTuple):
    """The offset of the first element, and the syntax where no file meta group states it."""

    offset: int
    syntax: str | None


def layout_of(start: bytes) -> Layout | None:
    """Return the layout of a file by its first START_BYTES, or None where it is no DICOM."""
    after = PREAMBLE_BYTES + len(_MAGIC)
    if start[PREAMBLE_BYTES:after] == _MAGIC:
        # Without a meta group behind the letters the syntax is found out; else the file is read as it says.
        return _bare(start, after) or Layout(after, None)
    for offset in (0, len(_MAGIC) if start.startswith(_MAGIC) else 0, PREAMBLE_BYTES, after):
        if start[offset : offset + 6] == b"\x02\0\0\0UL":
            return Layout(offset, None)
        if (found := _bare(start, offset)) is not None:
            return found
    return None


def _bare(start: bytes, offset: int) -> Layout | None:
    """Return the layout of a data set that begins at an offset, if its first elements are those of an object."""
    explicit = start[offset + 4 : offset + 6] in SHORT_VRS
    for order, syntax in (("<", ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian), (">", _BIG)):
        if _names_an_object(start, offset, order, explicit=explicit or syntax == _BIG):
            return Layout(offset, syntax)
    return None


def _names_an_object(start: bytes, at: int, order: str, *, explicit: bool) -> bool:
    """Whether the elements at an offset rise within one group to a UID of the object or its class."""
    last = 0
    for _ in range(_MOST_ELEMENTS):
        if at + 8 > len(start):
            return False
        group, number = struct.unpack_from(f"{order}HH", start, at)
        tag = group << 16 | number
        if group != _OBJECT or (last and tag <= last):
            return False
        if explicit and start[at + 4 : at + 6] not in SHORT_VRS:
            return False
        (length,) = struct.unpack_from(*((f"{order}H", start, at + 6) if explicit else (f"{order}L", start, at + 4)))
        value = start[at + 8 : at + 8 + length]
        if len(value) != length:
            return False
        if tag in (_CLASS_UID, _OBJECT_UID) and _is_uid(value):
            return True
        last, at = tag, at + 8 + length
    return False


def _is_uid(value: bytes) -> bool:
    return 3 <= len(value) <= 64 and set(value.rstrip(b" \0")) <= set(b"0123456789.") and b"." in value
