"""Rows as the NBIA server writes them, with its habits: nulls dropped from JSON, an empty result is an empty body."""

import json
from collections.abc import Sequence

from mgi_standin.archive.folder import Row
from mgi_standin.archive.response import Response, text_response

SERVER_FAILED = "Server was not able to process your request"


def rows_response(rows: Sequence[Row], style: str | None, version: str) -> Response:
    """Write rows in a format: none or JSON, CSV, CSV-DOWNLOAD; XML and HTML are not played here (501)."""
    style = (style or "JSON").upper()
    if style in ("XML", "HTML"):
        return text_response(f"{style} is not played by this stand-in", 501)
    if style not in ("JSON", "CSV", "CSV-DOWNLOAD"):
        return text_response(SERVER_FAILED, 500)
    if not rows:
        return Response()  # 200, no body and no content type: not an empty array
    if style == "JSON":
        shown = [{key: value for key, value in row.items() if value is not None} for row in rows]
        return text_response(json.dumps(shown), content_type="application/json")
    text = _quoted_csv(rows) if version == "v4" else _plain_csv(rows)
    headers = {"Content-Type": "text/csv"}
    if style == "CSV-DOWNLOAD":
        headers["Content-Disposition"] = 'attachment; filename="metadata.csv"'
    return Response(headers=headers, body=text.encode())


def _quoted_csv(rows: Sequence[Row]) -> str:
    lines = [_quoted_line(list(rows[0])), *(_quoted_line(list(row.values())) for row in rows)]
    return "".join(line + "\n" for line in lines)


def _quoted_line(cells: list[object]) -> str:
    """Join cells by `","`; the server writes the opening quote with the first value, so a null there loses it."""
    texts = ["" if cell is None else str(cell).replace('"', '""') for cell in cells]
    opening = "" if cells[0] is None else '"'
    return opening + '","'.join(texts) + '"'


def _plain_csv(rows: Sequence[Row]) -> str:
    lines = [",".join(rows[0])]
    lines += [",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows]
    return "".join(line + "\n" for line in lines)
