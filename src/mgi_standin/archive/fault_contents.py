"""Faults of what is sent: wrong bytes, damaged zips and lists that do not say what the archive holds."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mgi_standin.archive.response import Handler, Request, Response, whole, with_body

_DIGESTS = "md5hashes.csv"
_OTHER_DIGITS = bytes.maketrans(b"0123456789", b"1234567890")
Members = dict[str, bytes]


def wrong_bytes(answer: Handler, request: Request, fraction: float) -> Response:
    """Change the byte at this fraction of the body."""
    response = answer(request)
    body = bytearray(whole(response))
    body[min(int(len(body) * fraction), len(body) - 1)] ^= 0xFF
    return with_body(response, bytes(body))


def truncated(answer: Handler, request: Request, fraction: float) -> Response:
    """Send this fraction of the body as a faultless reply."""
    response = answer(request)
    body = whole(response)
    return with_body(response, body[: min(int(len(body) * fraction), len(body) - 1)])


def other_version(answer: Handler, request: Request, value: None) -> Response:
    """Send another version of the file: of the same length, every digit another one."""
    response = answer(request)
    named = {name: text for name, text in response.headers.items() if name != "Content-MD5"}
    return with_body(replace(response, headers=named), whole(response).translate(_OTHER_DIGITS))


def member_crc(answer: Handler, request: Request, position: int) -> Response:
    """Change the CRC that the zip's directory states for its member at this position (0 is the licence)."""
    response = answer(request)
    body = bytearray(whole(response))
    start = body.find(b"PK\x01\x02")
    for _ in range(position):
        start = body.find(b"PK\x01\x02", start + 4) if start >= 0 else start
    if start < 0:
        raise ValueError(f"no member {position} in a zip")
    body[start + 16] ^= 0xFF
    return with_body(response, bytes(body))


def missing_slices(answer: Handler, request: Request, count: int) -> Response:
    """End the zip so many images early, properly closed and without digests, as NBIA does when a read fails."""
    return _repacked(answer(request), lambda members: _until(members, count))


def short_slice(answer: Handler, request: Request, fraction: float) -> Response:
    """Cut the last image to this fraction, with the CRC of what is left and without digests."""

    def damage(members: Members) -> Members:
        last = _images(members)[-1]
        kept = _until(members, 0)
        return {**kept, last: kept[last][: int(len(kept[last]) * fraction)]}

    return _repacked(answer(request), damage)


def no_digests(answer: Handler, request: Request, value: None) -> Response:
    """Leave the list of digests out of the zip."""
    return _repacked(answer(request), lambda members: _until(members, 0))


def other_digest(answer: Handler, request: Request, value: None) -> Response:
    """List a wrong digest for the first image."""

    def damage(members: Members) -> Members:
        rows = members[_DIGESTS].decode().splitlines()
        rows[1] = rows[1].partition(",")[0] + "," + "0" * 32
        return {**members, _DIGESTS: "\n".join(rows).encode()}

    return _repacked(answer(request), damage)


def other_images(answer: Handler, request: Request, value: None) -> Response:
    """Send images with other pixels (the last byte of each), their digests with them."""

    def change(members: Members) -> Members:
        images = {name: members[name][:-1] + bytes([members[name][-1] ^ 1]) for name in _images(members)}
        rows = [f"{name},{hashlib.md5(content).hexdigest()}\n" for name, content in images.items()]
        return {**members, **images, _DIGESTS: "".join(["Filename,MD5Hash\n", *rows]).encode()}

    return _repacked(answer(request), change)


def hostile_member(answer: Handler, request: Request, name: str) -> Response:
    """Give the first image this name."""

    def rename(members: Members) -> Members:
        first = _images(members)[0]
        return {(name if member == first else member): content for member, content in members.items()}

    return _repacked(answer(request), rename)


def _images(members: Members) -> list[str]:
    return [name for name in members if name.endswith(".dcm")]


def _until(members: Members, count: int) -> Members:
    """Leave the digests and the last `count` images out."""
    images = _images(members)
    gone = {_DIGESTS, *images[len(images) - count :]}
    return {name: content for name, content in members.items() if name not in gone}


def _repacked(response: Response, change: Callable[[Members], Members]) -> Response:
    with zipfile.ZipFile(io.BytesIO(whole(response))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in change(members).items():
            archive.writestr(name, content)
    return with_body(response, target.getvalue())


def repeat_row(answer: Handler, request: Request, position: int) -> Response:
    """List the row at this position twice, in the place of the one after it."""

    def repeat(rows: list[Any]) -> None:
        rows[position + 1] = rows[position]

    return _relisted(answer(request), repeat)


def add_row(answer: Handler, request: Request, position: int) -> Response:
    """List the row at this position once more at the end."""
    return _relisted(answer(request), lambda rows: rows.append(rows[position]))


def lose_row(answer: Handler, request: Request, position: int) -> Response:
    """Leave the row at this position out of a list that else says what it said."""

    def lose(rows: list[Any]) -> None:
        del rows[position]

    return _relisted(answer(request), lose)


def set_field(answer: Handler, request: Request, assignment: str) -> Response:
    """Set a field of the first listed row: `name=value`."""
    name, _, text = assignment.partition("=")
    return _relisted(answer(request), lambda rows: rows[0].update({name: text}))


def _relisted(response: Response, change: Callable[[list[Any]], None]) -> Response:
    reply = json.loads(whole(response))
    change(reply["data"]["hits"] if isinstance(reply, dict) else reply)
    return with_body(response, json.dumps(reply).encode())


def total(answer: Handler, request: Request, difference: int) -> Response:
    """State a total of hits that is so much larger (or smaller) than the true one."""
    response = answer(request)
    reply = json.loads(whole(response))
    reply["data"]["pagination"]["total"] += int(difference)
    return with_body(response, json.dumps(reply).encode())


def warn(answer: Handler, request: Request, field: str) -> Response:
    """Warn that this field is not known and leave it out of every hit (a path with dots is only warned about)."""
    response = answer(request)
    reply = json.loads(whole(response))
    for hit in reply["data"]["hits"]:
        hit.pop(field, None)
    reply["warnings"] = {"fields": f"unrecognized values: [{field}]"}
    return with_body(response, json.dumps(reply).encode())
