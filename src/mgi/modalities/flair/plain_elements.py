"""The elements of a plainly stored DICOM file (PS3.5, section 7), found in one pass over its bytes.

pydicom makes objects of every element, which takes as long as unpacking the pixels. Only what is whole and regular is
read here: anything else is left to pydicom, which then decides what is wrong with it.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

PIXEL_DATA = 0x7FE00010
_PREAMBLE_BYTES = 128
_META_END = 0x00030000
_SYNTAX = 0x00020010
_FUNCTIONAL_GROUPS = (0x52009229, 0x52009230)  # of a multi-frame file: nested, so not for this reader
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_DEEPEST = 8

_implicit = struct.Struct("<HHL").unpack_from
_explicit = struct.Struct("<HH2sH").unpack_from
_length = struct.Struct("<L").unpack_from


@dataclass(frozen=True, kw_only=True)
class PlainFile:
    """Wanted elements as (VR or None where the file does not say, bytes) by tag, and the pixels as they lie in it."""

    elements: dict[int, tuple[str | None, bytes]]
    pixels: memoryview


def read_plain(data: bytes, wanted: Collection[int]) -> PlainFile | None:
    """Return the `wanted` elements of a single-frame file in an uncompressed little-endian syntax, None for all others.

    Tags rise strictly, lengths stay inside the file, and its last element ends with it.
    """
    try:
        return _read(data, wanted)
    except (ValueError, struct.error):
        return None


def _read(data: bytes, wanted: Collection[int]) -> PlainFile:
    if data[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] != b"DICM":
        raise ValueError
    at, last, syntax, implicit = _PREAMBLE_BYTES + 4, 0, "", False
    elements: dict[int, tuple[str | None, bytes]] = {}
    pixels = None
    end = len(data)
    while at < end:
        if last < _META_END and not implicit and data[at : at + 2] != b"\x02\x00":
            last, implicit = _META_END, _is_implicit(syntax)
        tag, kind, value, at = _element(data, at, implicit)
        if tag <= last or at > end or tag in _FUNCTIONAL_GROUPS:
            raise ValueError
        last = tag
        if tag in wanted:
            elements[tag] = (kind.decode() if kind else None), data[value:at]
        elif tag == _SYNTAX:
            syntax = data[value:at].decode("ascii", "replace").rstrip("\0")
        elif tag == PIXEL_DATA:
            pixels = memoryview(data)[value:at]
    if pixels is None:
        raise ValueError
    return PlainFile(elements=elements, pixels=pixels)


def _is_implicit(syntax: str) -> bool:
    if syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        raise ValueError
    return bool(syntax == ImplicitVRLittleEndian)


def _element(data: bytes, at: int, implicit: bool, depth: int = 0) -> tuple[int, bytes | None, int, int]:
    """Return tag and VR of the element at an offset, and where its value begins and ends."""
    kind = None
    if implicit:
        group, number, length = _implicit(data, at)
        value = at + 8
    else:
        group, number, kind, length = _explicit(data, at)
        value = at + 8
        if kind in _LONG:
            (length,) = _length(data, at + 8)
            value = at + 12
        elif kind not in _SHORT:
            raise ValueError
    tag = group << 16 | number
    if length != _UNDEFINED:
        return tag, kind, value, value + length
    if tag == PIXEL_DATA or kind not in (None, b"SQ"):
        raise ValueError
    return tag, kind, value, _after_sequence(data, value, implicit, depth + 1)


def _after_sequence(data: bytes, at: int, implicit: bool, depth: int) -> int:
    """Return where a sequence without a length ends: its items are skipped."""
    if depth > _DEEPEST:
        raise ValueError
    while True:
        group, number, length = _implicit(data, at)
        at += 8
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            raise ValueError
        at = at + length if length != _UNDEFINED else _after_item(data, at, implicit, depth)


def _after_item(data: bytes, at: int, implicit: bool, depth: int) -> int:
    while True:
        group, number, _ = _implicit(data, at)
        if group << 16 | number == _ITEM_END:
            return at + 8
        *_, at = _element(data, at, implicit, depth)
