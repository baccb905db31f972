"""The versions of an NBIA server's interface, their getSeries rows as series, and what an empty listing means.

Source: CBIIT/NBIA-TCIA, nbia-api v1, v2 and v4, beside each other on one host: v4 for guests and accounts, v2 for
accounts only, v1 for guests and the oldest. An older one is asked where the newer is gone (404, 410) or keeps failing
(5xx), never after a refusal. Keys with a null value are left out of the reply; v1 has fewer columns and writes dates as
"YYYY-MM-DD 00:00:00.0".
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mgi.core.counts import stated_count
from mgi.core.dates import iso_date
from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.core.text import printable
from mgi.http.deadline import Listing
from mgi.http.retry import TransientError
from mgi.http.service import FailingServerError, MissingEndpointError, Request, Service
from mgi.modalities.flair.sequence import Series
from mgi.modalities.flair.sources.user_lists import ALTERNATIVES, MOVED, PatientNames, named

Row = Mapping[str, Any]
MAX_UNSEEN = 20
MOST_IMAGES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class NbiaVersions:
    """One server by version, best first; what answered is asked first from then on."""

    services: Mapping[str, Service]
    _order: list[str] = field(default_factory=list)

    def ask(self, request: Request, check: Callable[[Any], None] = lambda reply: None) -> tuple[str, Any]:
        """The reply to a request, which `check` accepts (see Service.json), and the version that gave it."""
        failures: list[NetworkError] = []
        order = list(self._order or self.services)
        for version in order:
            try:
                reply = self.services[version].json(request, check)
            except (MissingEndpointError, FailingServerError) as error:
                failures.append(error)
                continue
            if failures:
                self.prefer(version)
            return version, reply
        if len(failures) == 1:
            raise failures[0]
        said = "; ".join(f"{name}: {error}" for name, error in zip(order, failures, strict=True))
        raise NetworkError(f"no version of the service answers: {said}")

    def listing(self, collection: str) -> Listing:
        """The limits of all that is asked to list a collection."""
        return next(iter(self.services.values())).listing(f"series of {collection}")

    def prefer(self, version: str | None) -> None:
        """Ask this version first, if it is one of them."""
        if version in self.services:
            self._order[:] = [str(version), *(other for other in self.services if other != version)]


def versions_of(service: Service) -> NbiaVersions:
    """The versions beside the configured one: v4 brings v1 as its fall-back, and v2 before it for an account."""
    head, _, last = service.base_url.rstrip("/").rpartition("/")
    if re.fullmatch(r"v\d", last) is None:
        return NbiaVersions(services={"": service})  # asked as it is
    if last != "v4":
        return NbiaVersions(services={last: service})
    order = ("v2", "v4", "v1") if service.credential is not None else ("v4", "v1")
    return NbiaVersions(services={name: replace(service, base_url=f"{head}/{name}") for name in order})


def patient_count(nbia: NbiaVersions, collection: str) -> tuple[str, int]:
    """The version that answers, and how many patients of a collection it shows."""
    version, rows = _visible(nbia, "getPatient", "patients", collection)
    return version, len(rows)


def series_rows(nbia: NbiaVersions, collection: str) -> tuple[str, tuple[Row, ...]]:
    """The version that answers, and every visible series of a collection with its count of images and its date."""
    listing = nbia.listing(collection)
    version, rows = _visible(nbia, "getSeries", "series", collection)
    return version, _all_counted(nbia, _dated(nbia, rows, collection), listing)


def _visible(nbia: NbiaVersions, path: str, what: str, collection: str) -> tuple[str, list[Row]]:
    """Raise NetworkError where there is none: the service answers 200 with an empty body for what may not be seen."""
    version, rows = _rows(nbia, path, f"{what} of {collection}", Collection=collection)
    if not rows:
        account = "without an account" if nbia.services[version].credential is None else "to your account"
        said = f"no series of collection {collection!r} is visible {account}"
        raise NetworkError(f"{nbia.services[version].name}: {said}: {_why(collection)}; {ALTERNATIVES}")
    return version, rows


def listed_rows(nbia: NbiaVersions, uids: Sequence[str], collection: str) -> tuple[str, tuple[Row, ...]]:
    """The version that answers, and the rows of these series, of the collection or of any other."""
    listing = nbia.listing(collection)
    version, rows = _rows(nbia, "getSeries", f"series of {collection}", Collection=collection)
    known = {str(row.get("SeriesInstanceUID")): row for row in _dated(nbia, rows, collection)}
    unseen = []
    for uid in uids:
        if uid in known:
            continue
        listing.go_on(len(known))
        version, found = _rows(nbia, "getSeries", f"series {uid}", SeriesInstanceUID=uid)
        listing.keep(found)
        known |= {str(row.get("SeriesInstanceUID")): row for row in found}
        if uid not in known:
            unseen.append(uid)
        if len(unseen) >= MAX_UNSEEN:
            break
    if unseen:
        count = f"{MAX_UNSEEN} or more" if len(unseen) >= MAX_UNSEEN else str(len(unseen))
        said = f"{count} of {len(uids)} series of the manifest are not visible: {named(unseen)}"
        raise NetworkError(f"{nbia.services[version].name}: {said}: {_why(collection)}; {ALTERNATIVES}")
    return version, _all_counted(nbia, [known[uid] for uid in uids], listing)


def sop_uids(nbia: NbiaVersions, series: str) -> tuple[str, list[str]]:
    """The version that answers, and the SOPInstanceUIDs that the service holds for a series, sorted."""
    request = Request(path="getSOPInstanceUIDs", label=f"series {series}", params={"SeriesInstanceUID": series})
    version, rows = nbia.ask(request)
    try:
        return version, sorted(str(row["SOPInstanceUID"]) for row in rows or [])
    except (TypeError, KeyError):
        said = f"series {series}: getSOPInstanceUIDs without SOPInstanceUID"
        raise NetworkError(f"{nbia.services[version].name}: {said}") from None


def _rows(nbia: NbiaVersions, path: str, label: str, **params: str) -> tuple[str, list[Row]]:
    version, rows = nbia.ask(Request(path=path, label=label, params=params), lambda rows: _check_rows(rows, label))
    return version, rows or []


def _check_rows(rows: Any, label: str) -> None:
    """Raise TransientError for what is no list of objects, or names a series twice (and so, as like, another never)."""
    if rows is None:
        return
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientError(NetworkError(f"NBIA: {label}: expected a list of objects"))
    times = Counter(row["SeriesInstanceUID"] for row in rows if isinstance(row.get("SeriesInstanceUID"), str))
    twice = sorted(uid for uid, count in times.items() if count > 1)
    if twice:
        raise TransientError(IntegrityError(f"NBIA: {label}: series {printable(twice[0])} is listed twice"))


def _dated(nbia: NbiaVersions, rows: Sequence[Row], collection: str) -> list[Row]:
    """The rows with the dates of their studies; a service that lists no StudyDate has it in its list of studies."""
    if not rows or any(row.get("StudyDate") for row in rows):
        return list(rows)
    _, studies = _rows(nbia, "getPatientStudy", f"studies of {collection}", Collection=collection)
    dates = {str(row.get("StudyInstanceUID")): row.get("StudyDate") for row in studies}
    return [{**row, "StudyDate": dates.get(str(row.get("StudyInstanceUID")))} for row in rows]


def _all_counted(nbia: NbiaVersions, rows: Sequence[Row], listing: Listing) -> tuple[Row, ...]:
    """The rows with their counts of images; where the list has none, the service is asked series by series."""
    listing.go_on(len(rows))
    return tuple(row if row.get("ImageCount") is not None else _counted(nbia, row, listing) for row in rows)


def _counted(nbia: NbiaVersions, row: Row, listing: Listing) -> Row:
    """The row with its count of images: without one the series would pass for a localiser."""
    listing.go_on(0)
    uid = printable(row.get("SeriesInstanceUID", "?"))
    _, found = _rows(nbia, "getSeriesSize", f"size of series {uid}", SeriesInstanceUID=uid)
    if not found or found[0].get("ObjectCount") is None:
        raise NetworkError(f"series {uid}: the service states no count of images")
    return {"FileSize": found[0].get("TotalSizeInBytes"), **row, "ImageCount": found[0]["ObjectCount"]}


def _why(collection: str) -> str:
    return MOVED if collection.upper().startswith("TCGA") else "the collection may be restricted or misspelt"


def read_series(row: Row, patients: PatientNames) -> Series | None:
    """One getSeries row, dates turned to YYYY-MM-DD; None where the patient is not in the user's table."""
    uid = printable(row.get("SeriesInstanceUID", "?"))
    date = row.get("StudyDate") or row.get("SeriesDate")
    try:
        patient = patients.patient_of(_id_of(row, "PatientID"))
        if patient is None:
            return None
        return Series(
            patient_id=patient,
            study_uid=_id_of(row, "StudyInstanceUID"),
            study_date=iso_date(str(date)) if date else None,
            key=_id_of(row, "SeriesInstanceUID"),
            modality=printable(row.get("Modality") or ""),
            description=printable(row.get("SeriesDescription") or ""),
            n_images=stated_count(row.get("ImageCount") or 0, MOST_IMAGES),
            size=stated_count(row.get("FileSize") or 0),
            third_party=str(row.get("ThirdPartyAnalysis") or "").upper() == "YES",
        )
    except KeyError as error:
        raise BadInputError(f"NBIA series {uid}: no {error.args[0]}") from None
    except (TypeError, ValueError, OverflowError, BadInputError) as error:
        raise BadInputError(f"NBIA series {uid}: {printable(error)}") from None


def _id_of(row: Row, name: str) -> str:
    """A name that all else hangs on; raises KeyError where it is absent, ValueError where it is no text."""
    if not isinstance(found := row[name], str):
        raise ValueError(f"{name} is {found!r}, expected text")
    return found
