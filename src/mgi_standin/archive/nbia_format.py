"""Rows as the NBIA server writes them, with its habits: nulls dropped from JSON, an empty result is an empty body."""

import json
from collections.abc import Iterable, Sequence

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
    text = "".join(
        _csv_line(cells, quoted=version == "v4") + "\n" for cells in (rows[0], *(row.values() for row in rows))
    )
    headers = {"Content-Type": "text/csv"}
    if style == "CSV-DOWNLOAD":
        headers["Content-Disposition"] = 'attachment; filename="metadata.csv"'
    return Response(headers=headers, body=text.encode())


def _csv_line(values: Iterable[object], *, quoted: bool) -> str:
    """Join cells; where quoted, the server writes the opening quote with the first value, so a null there loses it."""
    cells = list(values)
    texts = ["" if cell is None else str(cell) for cell in cells]
    if not quoted:
        return ",".join(texts)
    opening = "" if cells[0] is None else '"'
    return opening + '","'.join(text.replace('"', '""') for text in texts) + '"'
