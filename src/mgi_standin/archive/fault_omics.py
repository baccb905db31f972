"""Faults of what the GDC has beside expression: files that are well formed, listed as they are sent, and not as usual.

Each befalls the file of an id, or all of its kind without one. A rule must match the listing and the download
(`"path": "^/(files$|data/)"`), so that size and digest agree and a client must read the file to know.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mgi_standin.archive.response import Handler, Request, Response, whole, with_body

_MAF, _BETAS = ".aliquot_ensemble_masked.maf.gz", ".level3betas.txt"
_COPIES, _PROTEINS = ".gene_level_copy_number.v36.tsv", "_RPPA_data.tsv"
_N_EMPTIED = 3  # copy_number, min_copy_number and max_copy_number are the last columns


def no_variants(answer: Handler, request: Request, file_id: str | None) -> Response:
    """Send mutations without a row, and list them so: of this file id, or of all."""

    def damage(content: bytes) -> bytes:
        lines = gzip.decompress(content).splitlines(keepends=True)
        header = next(place for place, line in enumerate(lines) if not line.startswith(b"#"))
        return gzip.compress(b"".join(lines[: header + 1]), mtime=0)

    return _resealed(answer, request, (file_id, _MAF), damage)


def header_row(answer: Handler, request: Request, file_id: str | None) -> Response:
    """Send beta values with a header line, and list them so: of this file id, or of all."""
    return _resealed(answer, request, (file_id, _BETAS), lambda content: b"Probe_ID\tBeta_Value\n" + content)


def no_copy_number(answer: Handler, request: Request, file_id: str | None) -> Response:
    """Send copy numbers that are empty for every gene, and list them so: of this file id, or of all."""

    def damage(content: bytes) -> bytes:
        header, *rows = content.splitlines()
        emptied = [b"\t".join(row.split(b"\t")[:-_N_EMPTIED]) + b"\t" * _N_EMPTIED for row in rows]
        return b"\n".join([header, *emptied]) + b"\n"

    return _resealed(answer, request, (file_id, _COPIES), damage)


def older_panel(answer: Handler, request: Request, file_id: str | None) -> Response:
    """Send every second antibody alone, and list the file so: of this file id, or of all."""

    def damage(content: bytes) -> bytes:
        header, *rows = content.splitlines(keepends=True)
        return b"".join([header, *rows[::2]])

    return _resealed(answer, request, (file_id, _PROTEINS), damage)


def two_tumours(answer: Handler, request: Request, file_id: str | None) -> Response:
    """List a second tumour in place of the normal tissue of a pair: of this file id, or of all."""
    response = answer(request)
    reply = json.loads(whole(response))
    for hit in _hits(reply):
        if file_id in (None, hit["file_id"]):
            for entity in hit.get("associated_entities", []):
                entity["entity_submitter_id"] = _as_tumour(entity["entity_submitter_id"])
            for sample in (sample for case in hit.get("cases", []) for sample in case.get("samples", [])):
                if _as_tumour(sample["submitter_id"]) != sample["submitter_id"]:
                    sample["submitter_id"] = _as_tumour(sample["submitter_id"])
                    told = {"sample_type": "Primary Tumor", "tissue_type": "Tumor", "tumor_descriptor": "Primary"}
                    sample.update({name: text for name, text in told.items() if name in sample})
    return with_body(response, json.dumps(reply).encode())


def _as_tumour(barcode: str) -> str:
    return re.sub(r"^(.{12})-1[01]A", r"\1-01B", barcode)


def _hits(reply: Any) -> list[dict[str, Any]]:
    """Listed files; those of a reply that is no listing are none."""
    return reply["data"]["hits"] if isinstance(reply, dict) and "data" in reply else []


def _resealed(
    answer: Handler, request: Request, which: tuple[str | None, str], damage: Callable[[bytes], bytes]
) -> Response:
    """The reply with damaged files (an id or None, and the end of their name), or with their size and digest."""
    file_id, ending = which
    asked = re.fullmatch(r"(?:/v0)?/data/([^/,]+)", request.path)
    if asked is not None:
        if file_id not in (None, asked[1]):
            return answer(request)
        # A client that asks for a part gets all of it, as HTTP allows.
        response = answer(replace(request, headers={k: v for k, v in request.headers.items() if k != "range"}))
        if not response.headers.get("Content-Disposition", "").endswith(ending):
            return answer(request)
        content = damage(whole(response))
        return with_body(response, content, **{"Content-MD5": _md5(content)})
    response = answer(request)
    reply = json.loads(whole(response))
    for hit in _hits(reply):
        if file_id in (None, hit["file_id"]) and hit["file_name"].endswith(ending):
            content = damage(whole(answer(Request(method="GET", path=f"/data/{hit['file_id']}"))))
            told = {"file_size": len(content), "md5sum": _md5(content)}
            hit.update({name: value for name, value in told.items() if name in hit})
    return with_body(response, json.dumps(reply).encode())


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
