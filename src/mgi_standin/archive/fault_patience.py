"""Faults that try a client's patience, or its trust in what a server says: what drips, never ends or is nonsense."""

import json
from collections.abc import Iterator
from dataclasses import replace

from mgi_standin.archive.response import Delivery, Handler, Request, Response, text_response, whole, with_body

_LONG = 60_000  # a header line may have 65,536 bytes


def drip_header(answer: Handler, request: Request, bytes_per_s: float) -> Response:
    """Send the header byte by byte, so many a second, with a line of 60,000 bytes in it."""
    response = answer(request)
    headers = {"X-Padding": "x" * _LONG, **response.headers}
    return replace(response, headers=headers, delivery=Delivery(bytes_per_s=bytes_per_s, drips_header=True))


def endless_continue(answer: Handler, request: Request, bytes_per_s: float) -> Response:
    """Say `100 Continue` again and again, so many bytes a second, and nothing else."""
    return Response(delivery=Delivery(bytes_per_s=bytes_per_s, never_ends="continue"))


def endless_mark(answer: Handler, request: Request, bytes_per_s: float) -> Response:
    """Begin the first chunk with a length whose extension never ends, so many bytes a second."""
    return _in_chunks(answer(request), Delivery(bytes_per_s=bytes_per_s, framing="chunked", never_ends="marks"))


def endless_trailer(answer: Handler, request: Request, bytes_per_s: float) -> Response:
    """Send the body in chunks, and after the last one a trailer that never ends, so many bytes a second."""
    return _in_chunks(answer(request), Delivery(bytes_per_s=bytes_per_s, framing="chunked", never_ends="trailer"))


def _in_chunks(response: Response, delivery: Delivery) -> Response:
    kept = {name: text for name, text in response.headers.items() if name != "Content-Length"}
    return replace(response, headers=kept, delivery=delivery)


def drip_refusal(answer: Handler, request: Request, code: int) -> Response:
    """Answer with this status and a text of 200,000 bytes, 500 bytes a second."""
    return replace(text_response("no such thing " + "." * 200_000, code), delivery=Delivery(bytes_per_s=500.0))


def refusal_text(answer: Handler, request: Request, text: str) -> Response:
    """Answer 400 with this text."""
    return text_response(text, 400)


def retry_after_text(answer: Handler, request: Request, text: str) -> Response:
    """Answer 429 with this Retry-After, whatever it is."""
    return replace(text_response("slow down", 429), headers={"Retry-After": text})


def content_range(answer: Handler, request: Request, text: str) -> Response:
    """Answer 206 with this Content-Range, whatever it is."""
    response = answer(request)
    return replace(with_body(response, whole(response), **{"Content-Range": text}), status=206)


def raw(answer: Handler, request: Request, text: str) -> Response:
    """Send this text in place of a reply, and hang up."""
    return Response(delivery=Delivery(raw=text.encode("latin-1")))


def set_json(answer: Handler, request: Request, assignment: str) -> Response:
    """Set a field of the first listed row to this JSON, valid or not: `name=json`."""
    name, _, text = assignment.partition("=")
    response, mark = answer(request), "put the JSON here"
    reply = json.loads(whole(response))
    rows = reply["data"]["hits"] if isinstance(reply, dict) else reply
    rows[0][name] = mark
    return with_body(response, json.dumps(reply).replace(f'"{mark}"', text).encode())


def announce(answer: Handler, request: Request, total: float) -> Response:
    """State this total of hits."""
    response = answer(request)
    reply = json.loads(whole(response))
    reply["data"]["pagination"]["total"] = int(total)
    return with_body(response, json.dumps(reply).encode())


def endless_pages(answer: Handler, request: Request, total: int) -> Response:
    """List one hit a page, another each time, of so many."""
    start = json.loads(request.body or b"{}").get("from", 0)
    first = replace(request, body=json.dumps({**json.loads(request.body or b"{}"), "from": 0}).encode())
    response = answer(first)
    reply = json.loads(whole(response))
    hit = {**reply["data"]["hits"][0], "file_id": f"{start:08d}-0000-4000-8000-000000000000", "id": str(start)}
    reply["data"]["hits"], reply["data"]["pagination"]["total"] = [hit], total
    return with_body(response, json.dumps(reply).encode())


def many_rows(answer: Handler, request: Request, count: int) -> Response:
    """List so many rows like the first, each under an id of its own."""
    first = json.loads(whole(answer(request)))[0]

    def pieces() -> Iterator[bytes]:
        for number in range(count):
            row = {**first, "SeriesInstanceUID": f"{first['SeriesInstanceUID']}.{number}"}
            yield (b"," if number else b"[") + json.dumps(row).encode()
        yield b"]"

    return Response(headers={"Content-Type": "application/json"}, body=b"".join(pieces()))
