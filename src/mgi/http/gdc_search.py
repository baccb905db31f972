"""Searches of the GDC: every hit of one, page by page, with the checks on its paging; and which release answers.

Source: GDC API users guide, "Search and Retrieval"; API 8.5.0.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from mgi.core.counts import shown_count
from mgi.core.errors import IntegrityError, NetworkError
from mgi.core.text import printable
from mgi.http.deadline import Listing
from mgi.http.retry import TransientError
from mgi.http.service import Request, Service

PAGE_SIZE = 200
# A page may lack a hit that the next one brings; a service that sends them one by one is not paging.
MAX_PAGES_SHORT = 10


def gdc_status(service: Service) -> tuple[str | None, bool]:
    """The data release, and whether the service calls itself simulated: an archive started by hand does."""

    def check(status: object) -> None:
        if not isinstance(status, dict) or status.get("status") != "OK":
            said = status.get("status") if isinstance(status, dict) else status
            raise TransientError(NetworkError(f"{service.name}: status is '{printable(said)}', expected 'OK'"))

    status = service.json(Request(path="status", label="status"), check)
    release = status.get("data_release")
    return None if release is None else printable(release), status.get("simulated") is True


def all_hits(
    service: Service, path: str, query: Mapping[str, Any], *, id_field: str, optional: Collection[str] = ()
) -> list[Mapping[str, Any]]:
    """Every hit of a search, page by page, sorted by id; a listing that does not add up is asked for again, whole.

    `optional` are fields that the service may not know.

    Raises IntegrityError where the total changes between pages, or ids repeat or do not number the total, again and
    again, and at once where it has more hits or pages than any listing. Raises NetworkError for warnings about fields
    that the pipeline needs, and where all pages together take too long.
    """
    listing = service.listing(path)
    return service.retrying(lambda: _listed_once(service, listing, path, query, id_field, optional), seed=path)


def _listed_once(
    service: Service,
    listing: Listing,
    path: str,
    query: Mapping[str, Any],
    id_field: str,
    optional: Collection[str],
) -> list[Mapping[str, Any]]:
    """One pass over the pages."""
    hits: list[Mapping[str, Any]] = []
    unique: set[str] = set()
    total: int | None = None
    pages = 0
    while total is None or len(hits) < total:
        # What a second page says is worth more than the total of the first.
        listing.go_on(len(hits), total or 0 if pages > 1 else 0)
        body = {**query, "size": PAGE_SIZE, "from": len(hits)}
        reply = service.json(Request(path=path, label=f"{path} from {len(hits)}", method="POST", body=body))
        page, count = _page_of(reply, path, optional)
        if total is not None and count != total:
            changed = f"total changed from {shown_count(total)} to {shown_count(count)} while paging"
            raise TransientError(IntegrityError(f"GDC {path}: {changed}"))
        total = count
        if not page and len(hits) < total:
            raise TransientError(IntegrityError(f"GDC {path}: an empty page at {len(hits)} of {shown_count(total)}"))
        listing.keep(page)
        hits.extend(page)
        unique |= {str(hit.get(id_field)) for hit in page}
        pages += 1
        if pages > MAX_PAGES_SHORT + 2 * len(hits) / PAGE_SIZE:
            said = f"{len(hits)} of {shown_count(total)} hits in {pages} pages of {PAGE_SIZE}"
            raise IntegrityError(f"{service.name}: GDC {path}: {said}: the listing does not come to an end")
        # After every page: a service that repeats one page would never reach its total.
        if len(unique) != len(hits) or len(hits) > total:
            counts = f"{len(unique)} unique ids in {len(hits)} hits of {shown_count(total)}"
            raise TransientError(IntegrityError(f"GDC {path}: {counts}"))
    return sorted(hits, key=lambda hit: str(hit.get(id_field)))


def _page_of(reply: Any, path: str, optional: Collection[str]) -> tuple[list[Mapping[str, Any]], int]:
    try:
        page, total = reply["data"]["hits"], int(reply["data"]["pagination"]["total"])
    except (KeyError, TypeError, ValueError, OverflowError):
        error = NetworkError(f"GDC {path}: a reply without data.hits and data.pagination.total")
        raise TransientError(error) from None
    if not isinstance(page, list) or not all(isinstance(hit, dict) for hit in page):
        raise TransientError(NetworkError(f"GDC {path}: data.hits: expected a list of objects"))
    _refuse_warnings(reply.get("warnings"), path, optional)
    return page, total


def _refuse_warnings(warnings: Any, path: str, optional: Collection[str]) -> None:
    """An unknown field is a warning with status 200: harmless for a cross-check, fatal for a field we build on."""
    if not warnings:
        return
    unknown = (
        re.findall(r"\[([^\]]*)\]", str(warnings.get("fields", ""))[:10_000]) if isinstance(warnings, dict) else []
    )
    names = {name.strip(" '\"") for group in unknown for name in group.split(",")}
    only_fields = isinstance(warnings, dict) and set(warnings) == {"fields"}
    if not (only_fields and names and names <= set(optional)):
        raise NetworkError(f"GDC {path}: warnings {printable(warnings)}; the schema changed and this query must follow")
