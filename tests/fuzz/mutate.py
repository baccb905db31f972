"""Mutations of bytes and text, without and with knowledge of the format; all randomness is the generator's."""

import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import pydicom
import yaml

from mgi.core.files import sealed_json

Mutation = Callable[[bytes, random.Random], bytes]

WORDS = [0, 1, 2, 7, 8, 16, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
FIELDS = [
    "", " ", "-1", "0", "1e400", "1e39", "nan", "inf", "-0.0", "1,5", "1.5", "NA", "#", '"', "'", "\\", "é", "\ufeff",
    "\x00", "9" * 20, "0x10", "TCGA-CS-4942-01A", "TCGA_CS_4942", "=1+1", "x" * 5000,
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 0.5, 1e308, float("nan"), float("inf"), "", " ", "x",
    "../../x", "/etc/x", "\x00", "\ud800", "TCGA-CS-4942", "9" * 400, [], [[]], {}, {"x": 1}, ["x"], [None], "1.2.3",
]  # fmt: skip
VRS = [b"AE", b"AT", b"DS", b"FD", b"FL", b"IS", b"OB", b"OW", b"SQ", b"UI", b"UN", b"US", b"UT", b"LO", b"zz"]


def damage(data: bytes, rng: random.Random) -> bytes:
    """One to four blind changes: flips, overwrites, cuts, inserts, repeats, moves."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        changed = _blind(changed, rng)
    return bytes(changed)


def _blind(data: bytearray, rng: random.Random) -> bytearray:
    if not data:
        return bytearray(rng.randbytes(rng.randint(1, 64)))
    place, kind = rng.randrange(len(data)), rng.randrange(9)
    length = min(rng.choice((1, 2, 4, 16, 100, 1000)), len(data) - place)
    if kind == 0:
        data[place] ^= 1 << rng.randrange(8)
    elif kind == 1:
        data[place] = rng.randrange(256)
    elif kind == 2:
        width = rng.choice((2, 4, 8))
        data[place : place + width] = (rng.choice(WORDS) & (1 << 8 * width) - 1).to_bytes(width, "little")
    elif kind == 3:
        del data[place:]
    elif kind == 4:
        data[place:place] = rng.randbytes(length)
    elif kind == 5:
        del data[place : place + length]
    elif kind == 6:
        data[place:place] = data[place : place + length]
    elif kind == 7:
        target = rng.randrange(len(data))
        data[target : target + length] = data[place : place + length]
    else:
        data[place : place + length] = bytes(length)
    return data


def flip(data: bytes, rng: random.Random) -> bytes:
    """One bit."""
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    """The end missing."""
    return data[: rng.randrange(len(data))]


def dicom(data: bytes, rng: random.Random) -> bytes:
    """An element's value, length, type or tag, found by parsing the whole file; else blind damage."""
    elements = _elements(data) if rng.random() < 0.7 else []
    changed = bytearray(data)
    for place, length, vr in (rng.choice(elements) for _ in range(rng.randint(1, 2) if elements else 0)):
        kind = rng.randrange(6)
        wide = vr in ("OB", "OW", "SQ", "UN", "UT", None)
        if kind <= 2 and length:
            changed[place : place + length] = _dicom_value(length, vr, rng)
        elif kind == 3:
            width = 4 if wide else 2
            changed[place - width : place] = (rng.choice(WORDS) & (1 << 8 * width) - 1).to_bytes(width, "little")
        elif kind == 4 and vr is not None:
            start = place - (8 if wide else 4)
            changed[start : start + 2] = rng.choice(VRS)
        else:
            start = place - (12 if wide and vr is not None else 8)
            changed[start : start + 4] = struct.pack(
                "<HH", rng.choice((2, 8, 0x18, 0x20, 0x28, 0x5200)), rng.choice(WORDS[:13])
            )
    return bytes(changed) if elements else damage(data, rng)


def _elements(data: bytes) -> list[tuple[int, int, str | None]]:
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        found = [dataset.get_item(tag) for tag in dataset.keys()]  # noqa: SIM118 - raw, not parsed
        return [
            (item.value_tell, item.length, item.VR)
            for item in found
            if hasattr(item, "value_tell") and 12 <= item.value_tell <= len(data) - item.length
        ]
    except Exception:  # noqa: BLE001 - a seed that does not parse is damaged blindly
        return []


def _dicom_value(length: int, vr: str | None, rng: random.Random) -> bytes:
    if vr in ("DS", "IS", "CS", "LO", "UI", "SH", "TM", "DA"):
        text = rng.choice((*FIELDS, "1\\2", "\\\\", "1.2.840.10008.1.2.1.99", "0\\0\\0\\0\\0\\0", "-7"))
        return text.encode("utf-8", "surrogateescape")[:length].ljust(length, b" ")
    if vr in ("US", "SS", "UL", "SL", "AT"):
        return (rng.choice(WORDS).to_bytes(8, "little") * (length // 8 + 1))[:length]
    return (rng.randbytes(min(length, 64)) * (length // 64 + 1))[:length]


def nifti(data: bytes, rng: random.Random) -> bytes:
    """A field of the header (NIfTI-1 offsets), packed or not; else blind damage."""
    packed = data[:2] == b"\x1f\x8b"
    if rng.random() < 0.3:
        return damage(data, rng)
    plain = bytearray(gzip.decompress(data) if packed else data)
    if len(plain) < 348:
        return damage(data, rng)
    for _ in range(rng.randint(1, 3)):
        place, form = rng.choice(_NIFTI)
        value = (
            rng.choice(WORDS)
            if form in "hi"
            else rng.choice((0.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"), 352.0, 1e9))
        )
        packed_value = (
            value.to_bytes(8, "little")[: struct.calcsize(form)] if isinstance(value, int) else struct.pack("<f", value)
        )
        plain[place : place + len(packed_value)] = packed_value
    return gzip.compress(bytes(plain), 1, mtime=0) if packed else bytes(plain)


_NIFTI = [(0, "i"), *((40 + 2 * axis, "h") for axis in range(8)), (70, "h"), (72, "h"),
          *((76 + 4 * axis, "f") for axis in range(8)), (108, "f"), (112, "f"), (116, "f"), (252, "h"), (254, "h"),
          *((256 + 4 * place, "f") for place in range(18)), (344, "i")]  # fmt: skip


def table(data: bytes, rng: random.Random) -> bytes:
    """Lines and fields of a table: repeated, moved, glued, renamed, of another kind; else blind damage."""
    if rng.random() < 0.3 or data[:2] == b"\x1f\x8b":
        return damage(data, rng)
    separator = b"," if data.split(b"\n", 1)[0].count(b",") > data.split(b"\n", 1)[0].count(b"\t") else b"\t"
    lines = data.split(b"\n")
    kind, line = rng.randrange(9), rng.randrange(len(lines))
    if kind == 0:
        lines.insert(rng.randrange(len(lines)), lines[line])
    elif kind == 1:
        del lines[line]
    elif kind == 2:
        return data + data
    elif kind == 3:
        return rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"# ", b"\n", b"")) + data.replace(
            b"\n", rng.choice((b"\r\n", b"\r", b"\n\n"))
        )
    elif kind == 4:
        column = rng.randrange(10)
        lines = [separator.join(_without(text.split(separator), column)) for text in lines]
    else:
        rows = [
            rng.randrange(min(8, len(lines))) if rng.random() < 0.3 else rng.randrange(len(lines))
            for _ in range(rng.randint(1, 3))
        ]
        for row in rows:
            cells = lines[row].split(separator)
            cells[rng.randrange(len(cells))] = rng.choice(FIELDS).encode("utf-8", "surrogatepass")
            lines[row] = separator.join(cells)
    return b"\n".join(lines)


def _without(cells: list[bytes], column: int) -> list[bytes]:
    return cells[:column] + cells[column + 1 :]


def gzipped_table(data: bytes, rng: random.Random) -> bytes:
    """A packed table, changed before or after packing."""
    if rng.random() < 0.4:
        return damage(data, rng)
    return gzip.compress(table(gzip.decompress(data), rng), 1, mtime=0)


def tree(value: Any, rng: random.Random) -> Any:
    """A JSON-like value with one to three nodes replaced, left out, repeated, renamed or nested."""
    changed = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 2, 3))):
        changed = _graft(changed, rng)
    return changed


def _graft(value: Any, rng: random.Random) -> Any:
    holders = list(_holders(value))
    if not holders:
        return rng.choice(VALUES)
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.append(json.loads(json.dumps(holder[key])))
    elif kind == 1:
        holder[rng.choice(("x", "", "kind", "items", str(key).upper()))] = holder.pop(key)
    elif kind == 2:
        holder[key] = rng.choice(([holder[key]], {"x": holder[key]}, str(holder[key])))
    else:
        holder[key] = rng.choice(VALUES)
    return value


def _holders(value: Any) -> Any:
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def document(data: bytes, rng: random.Random) -> bytes:
    """A JSON text, changed as a value or as bytes."""
    if rng.random() < 0.25:
        return damage(data, rng)
    text = json.dumps(tree(json.loads(data), rng))
    return (text.replace("1", "[" * 2000, 1) if rng.random() < 0.01 else text).encode()


def sealed_document(data: bytes, rng: random.Random) -> bytes:
    """The same; every second one gets the digest of its new content, so that the fields are read."""
    changed = document(data, rng)
    try:
        value = json.loads(changed)
        return sealed_json(value).encode() if isinstance(value, dict) and rng.random() < 0.5 else changed
    except (ValueError, RecursionError):
        return changed


def config(data: bytes, rng: random.Random) -> bytes:
    """A YAML text, changed as a value or as bytes."""
    if rng.random() < 0.25:
        return damage(data, rng)
    try:
        return yaml.safe_dump(tree(yaml.safe_load(data), rng), allow_unicode=True).encode("utf-8", "surrogatepass")
    except RecursionError:  # nested deeper than YAML can be written
        return damage(data, rng)


def zipped(data: bytes, rng: random.Random) -> bytes:
    """A field of a header or of the directory; else blind damage."""
    signatures = {b"PK\x01\x02": 46, b"PK\x03\x04": 30, b"PK\x05\x06": 22}
    places = [(at, size) for mark, size in signatures.items() for at in _all(data, mark)]
    if rng.random() < 0.4 or not places:
        return damage(data, rng)
    changed = bytearray(data)
    for _ in range(rng.randint(1, 2)):
        place, size = rng.choice(places)
        offset, width = rng.randrange(4, size), rng.choice((1, 2, 4))
        changed[place + offset : place + offset + width] = (rng.choice(WORDS) & (1 << 8 * width) - 1).to_bytes(
            width, "little"
        )
    return bytes(changed)


def zipped_content(change: Mutation) -> Mutation:
    """Blind damage inside a zip whose checksums fit again: what a faulty archive could send."""

    def mutate(data: bytes, rng: random.Random) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as made:
            infos = source.infolist()
            chosen = rng.choice(infos)
            for info in infos:
                content = source.read(info)
                made.writestr(info, change(content, rng) if info is chosen else content)
        return target.getvalue()

    return mutate


def _all(data: bytes, mark: bytes) -> Sequence[int]:
    found, place = [], data.find(mark)
    while place >= 0:
        found.append(place)
        place = data.find(mark, place + 1)
    return found


def either(*mutations: Mutation) -> Mutation:
    """One of several, drawn afresh for each input."""
    return lambda data, rng: rng.choice(mutations)(data, rng)
