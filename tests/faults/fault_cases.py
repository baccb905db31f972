"""The matrix: every way in which a service goes wrong, at both services, and what must become of it.

Modes 1 to 35 are those of HTTP; `own` are failures that only this service has. Attempts count the requests that match
`counted`, in the whole run; where it fails and names no other code, the exit code is 3 (network) or 4 (wrong bytes).
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from fault_archive import COLLECTION, FILE, UID

from mgi.http.body import Limits
from mgi_standin.archive.faults import Rule

DATA = f"^/data/{FILE}$"
# With an account v2 is asked, whose name for the zip with digests is the longer one.
IMAGE = rf"getImage(WithMD5Hash)?\?SeriesInstanceUID={re.escape(UID)}(&|$)"
UIDS = re.escape(f"getSOPInstanceUIDs?SeriesInstanceUID={UID}") + "$"
FILES, SERIES = "^/files", re.escape("getSeries?")
LISTING = "(files from 0|series of TCGA-LGG)"
NAMED = {"gdc": FILE, "nbia": UID}
# Short enough for a test, long enough for a machine that is busy with others.
PATIENCE = Limits(connect_s=5, read_s=20)
SHORT_READ = Limits(connect_s=5, read_s=2.0)
SHORT_RATE = Limits(connect_s=5, read_s=20, min_bytes_per_s=1000, rate_window_s=0.3)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the matrix."""

    mode: int | Literal["own"]
    service: Literal["gdc", "nbia"]
    does: str
    """What the service does, as the documentation says it."""
    rules: tuple[Rule, ...] = ()
    attempts: int
    exit_code: int = 0
    says: str = ""
    """Pattern that the output must hold; a failure must name its item."""
    counted: str
    pauses: tuple[float, ...] | None = None
    pause_slack: float = 0.0
    limits: Limits = PATIENCE
    starts: Literal["nothing", "locked", "fetched"] = "nothing"
    """What a healthy service was asked for before the fault begins."""
    refused: Literal["once", "always"] | None = None
    other_version: bool = False
    """The first item is rightly the changed one at the end."""
    others_arrive: bool = True
    token: bool = False
    bomb: bool = False
    base: str = ""
    collection: str = COLLECTION

    @property
    def outcome(self) -> Literal["recovers", "fails"]:
        return "fails" if self.exit_code else "recovers"


def name_of(case: Case) -> str:
    """A case as a test report names it."""
    return f"{case.mode}-{case.service}-{case.does.replace(' ', '_')}"


def rule(path: str, fault: str, value: Any = None, calls: str = "all") -> Rule:
    return Rule(path=path, fault=fault, value=value, calls=calls)


def _case(mode: int | Literal["own"], service: Literal["gdc", "nbia"], does: str, *given: Any, **more: Any) -> Case:
    """A row; rules come as (fault, value, calls) and concern the first item's bytes unless `counted` says else."""
    counted = more.setdefault("counted", DATA if service == "gdc" else IMAGE)
    rules = tuple(rule(counted, *one) for one in given) + more.pop("rules", ())
    if more.get("exit_code"):
        more.setdefault("says", re.escape(NAMED[service]))
    return Case(mode=mode, service=service, does=does, rules=rules, **more)


def _both(mode: int, does: str, *given: Any, **more: Any) -> list[Case]:
    return [_case(mode, "gdc", does, *given, **more), _case(mode, "nbia", does, *given, **more)]


ONCE = "first 1"
FAILS_NETWORK, FAILS_BYTES = {"exit_code": 3}, {"exit_code": 4}

CASES: list[Case] = [
    *(
        case
        for share in (0.0, 0.01, 0.5, 0.999)
        for case in _both(1, f"drops at {share * 100:g} %", ("drop", share, ONCE), attempts=2)
    ),
    *_both(1, "drops at 50 % for ever", ("drop", 0.5), attempts=6, **FAILS_NETWORK),
    # All bytes of a known size are there and right: no second request is needed.
    _case(2, "gdc", "announces 1,000 bytes too many", ("length-long", 1000, ONCE), attempts=1),
    _case(2, "nbia", "announces 1,000 bytes too many", ("length-long", 1000, ONCE), attempts=2),
    *_both(3, "announces 1,000 bytes too few", ("length-short", 1000, ONCE), attempts=2),
    *_both(4, "announces no length, hangs up half-way", ("close-cut", 0.5, ONCE), attempts=2),
    *_both(5, "leaves out the last chunk", ("chunked-cut", 0.5, ONCE), attempts=2),
    *_both(6, "sends wrong bytes once", ("wrong-bytes", 0.5, ONCE), attempts=2),
    *_both(7, "sends wrong bytes for ever", ("wrong-bytes", 0.5), attempts=6, **FAILS_BYTES),
    *_both(8, "429, Retry-After 1", ("retry-after", 1.0, ONCE), attempts=2, pauses=(1.0,)),
    *_both(9, "429, Retry-After as a date", ("retry-date", 200.0, ONCE), attempts=2, pauses=(200.0,), pause_slack=0.3),
    *_both(10, "429, Retry-After 86400", ("retry-after", 86400.0, ONCE), attempts=2, pauses=(300.0,)),
    *_both(11, "503 twice", ("status", 503, "first 2"), attempts=3),
    *_both(12, "500 for ever", ("status", 500), attempts=6, **FAILS_NETWORK),
    *_both(13, "403", ("status", 403), attempts=1, **FAILS_NETWORK),
    *_both(13, "404", ("status", 404), attempts=1, **FAILS_NETWORK),
    *_both(14, "drips the body", ("drip", 50.0, ONCE), attempts=2, limits=SHORT_RATE),
    *_both(14, "stops in the body without hanging up", ("stall", 0.5, ONCE), attempts=2, limits=SHORT_READ),
    *_both(15, "is slow with the header", ("slow-header", 60.0, ONCE), attempts=2, limits=SHORT_READ),
    *_both(16, "refuses the connection until the first pause", starts="locked", refused="once", attempts=2),
    *_both(
        16,
        "refuses every connection",
        starts="locked",
        refused="always",
        attempts=6,
        others_arrive=False,
        **FAILS_NETWORK,
    ),
    *_both(17, "resets before the header", ("reset-early", None, ONCE), attempts=2),
    *_both(17, "resets in the body", ("reset", 0.5, ONCE), attempts=2),
    *_both(18, "sends half the body as if it were all", ("truncated", 0.5, ONCE), attempts=2),
    _case(19, "gdc", "changes one byte near the end", ("wrong-bytes", 0.999, ONCE), attempts=2),
    _case(19, "nbia", "breaks the CRC of one member", ("member-crc", 2, ONCE), attempts=2),
    *_both(20, "a web page with 200", ("page", None, ONCE), attempts=2),
    *_both(20, "a web page labelled as data", ("page-as-data", None, ONCE), attempts=2),
    *_both(20, "a web page for ever", ("page-as-data", None), attempts=6, **FAILS_NETWORK),
    *_both(21, "200 with nothing", ("empty", None, ONCE), attempts=2),
    # Short enough to be the beginning of a file: it is continued, found wrong, and fetched afresh.
    _case(22, "gdc", "an error in JSON with 200", ("json-error", None, ONCE), attempts=3),
    _case(22, "nbia", "an error in JSON with 200", ("json-error", None, ONCE), attempts=2),
    *_both(23, "ignores Range", ("drop", 0.5, ONCE), ("no-range",), attempts=2),
    *_both(24, "206 of another range", ("drop", 0.5, ONCE), ("wrong-range", 7, "only 2"), attempts=3),
    _case(25, "gdc", "416 to the resume", ("drop", 0.5, ONCE), ("range-416", None, "only 2"), attempts=3),
    _case(25, "nbia", "416 although no range was asked for", ("range-416",), attempts=1, **FAILS_NETWORK),
    _case(
        26,
        "gdc",
        "another version before the resume",
        ("etag", "a", ONCE),
        ("drop", 0.5, ONCE),
        ("other-version", None, ONCE),
        attempts=3,
    ),
    _case(
        26,
        "nbia",
        "another version before the break",
        ("etag", "a", ONCE),
        ("drop", 0.5, ONCE),
        ("other-images", None, ONCE),
        attempts=2,
    ),
    _case(
        27, "gdc", "changes a file after it was fetched: it is kept", ("other-version",), starts="fetched", attempts=0
    ),
    _case(
        27,
        "nbia",
        "changes images after they were fetched: they are kept",
        ("other-images",),
        starts="fetched",
        attempts=0,
    ),
    _case(27, "gdc", "changes a file after the lock", ("other-version",), attempts=6, **FAILS_BYTES),
    _case(
        27, "nbia", "lists fewer images after the lock", attempts=0, rules=(rule(UIDS, "lose-row", 0),), **FAILS_BYTES
    ),
    _case(
        27,
        "gdc",
        "changes a file and its listed md5, then a new lock",
        ("other-version",),
        attempts=1,
        rules=(rule(FILES, "set-field", "md5sum={other_md5}", "only 1"),),
        other_version=True,
    ),
    _case(
        27,
        "nbia",
        "changes pixels and digests after the lock (NBIA lists no digest to lock)",
        ("other-images",),
        attempts=1,
        other_version=True,
    ),
    _case(28, "gdc", "lists an id twice", ("repeat-row", 0, ONCE), counted=FILES, attempts=3),
    _case(
        28,
        "gdc",
        "lists an id twice for ever",
        ("repeat-row", 0, "all"),
        counted=FILES,
        attempts=6,
        says="GDC files: .*unique ids",
        others_arrive=False,
        **FAILS_BYTES,
    ),
    _case(28, "nbia", "lists a series twice", ("repeat-row", 0, ONCE), counted=SERIES, attempts=2),
    _case(
        28,
        "nbia",
        "lists a series twice for ever",
        ("repeat-row", 0),
        counted=SERIES,
        attempts=6,
        others_arrive=False,
        **FAILS_BYTES,
    ),
    _case(28, "nbia", "lists an image twice for ever", attempts=0, rules=(rule(UIDS, "add-row", 0),), **FAILS_BYTES),
    _case(29, "gdc", "loses a hit between pages", ("lose-row", 0, "only 2"), counted=FILES, attempts=5),
    _case(29, "gdc", "repeats a hit on the next page", ("add-row", 0, "only 2"), counted=FILES, attempts=4),
    _case(29, "gdc", "states another total once", ("total", 1, ONCE), counted=FILES, attempts=4),
    _case(
        29,
        "gdc",
        "states a total too large for ever",
        ("total", 1),
        counted=FILES,
        attempts=18,
        says="GDC files: .*243 of 244",
        others_arrive=False,
        **FAILS_BYTES,
    ),
    _case(
        29,
        "gdc",
        "states a total too small for ever",
        ("total", -1),
        counted=FILES,
        attempts=12,
        says="GDC files: .*243 hits of 242",
        others_arrive=False,
        **FAILS_BYTES,
    ),
    _case(29, "nbia", "ends the list half-way", ("truncated", 0.6, ONCE), counted=SERIES, attempts=2),
    *_both(30, "redirects to the same address once", ("redirect", None, ONCE), attempts=2),
    *_both(30, "redirects in a circle", ("redirect",), attempts=6, **FAILS_NETWORK),
    *_both(
        31,
        "redirects to another host while a token is set",
        ("redirect", "{trap}/data/x"),
        attempts=1,
        token=True,
        **FAILS_NETWORK,
    ),
    *_both(32, "redirects to a file", ("redirect", "file:///etc/hostname"), attempts=1, **FAILS_NETWORK),
    *_both(
        32,
        "redirects to 169.254.169.254",
        ("redirect", "http://169.254.169.254/latest/meta-data"),
        attempts=1,
        **FAILS_NETWORK,
    ),
    *_both(32, "redirects to another port of this machine", ("redirect", "{trap}/"), attempts=1, **FAILS_NETWORK),
    *_both(33, "packs the body with gzip", ("gzip",), attempts=1),
    _case(34, "gdc", "a gzip bomb of 300 MiB", ("gzip-bomb", 300), attempts=1, bomb=True, **FAILS_BYTES),
    _case(34, "nbia", "a gzip bomb of 300 MiB", ("gzip-bomb", 300), attempts=6, bomb=True, **FAILS_BYTES),
    *(
        case
        for kind, name in (
            ("climbs", "../../evil"),
            ("is absolute", "{sandbox}/evil"),
            ("holds a NUL", "evil\0.tsv"),
            ("is long", "evil" * 75),
        )
        for case in _both(35, f"a file name that {kind}", ("disposition", name), attempts=1)
    ),
]


def _listed(mode: int, does: str, *given: Any, says: str = "", **more: Any) -> list[Case]:
    """Rows for the listing: the GDC's has two pages, each asked for once where nothing goes wrong."""
    fails = bool(more.get("exit_code"))
    more |= {"others_arrive": not fails, "says": says}
    extra = more.pop("attempts")
    of_nbia = more.pop("attempts_nbia", extra)
    return [
        _case(mode, "gdc", does, *given, counted=FILES, attempts=extra if fails else extra + 1, **more),
        _case(mode, "nbia", does, *given, counted=SERIES, attempts=of_nbia, **more),
    ]


CASES += [
    *_listed(1, "drops the listing at 50 %", ("drop", 0.5, ONCE), attempts=2),
    *_listed(5, "leaves out the last chunk of the listing", ("chunked-cut", 0.5, ONCE), attempts=2),
    *_listed(8, "429, Retry-After 1, for the listing", ("retry-after", 1.0, ONCE), attempts=2, pauses=(1.0,)),
    *_listed(11, "503 twice for the listing", ("status", 503, "first 2"), attempts=3),
    *_listed(
        12,
        "500 for ever for the listing",
        ("status", 500),
        attempts=6,
        attempts_nbia=12,  # six of v4, six of v1
        says="(files from 0|series of TCGA-LGG): HTTP 500",
        **FAILS_NETWORK,
    ),
    *_listed(20, "a web page in place of the listing", ("page-as-data", None, ONCE), attempts=2),
    *_listed(22, "an error in JSON in place of the listing", ("json-error", None, ONCE), attempts=2),
    *_listed(
        32,
        "redirects the listing to another port",
        ("redirect", "{trap}/"),
        attempts=1,
        says=f"{LISTING}: redirected to another",
        **FAILS_NETWORK,
    ),
    *_listed(33, "packs the listing with gzip", ("gzip",), attempts=1),
    *_listed(
        34,
        "a gzip bomb in place of the listing",
        ("gzip-bomb", 300),
        attempts=1,
        says=f"{LISTING}: the body unpacks",
        bomb=True,
        **FAILS_BYTES,
    ),
]

CASES += [
    _case("own", "gdc", "200 with nothing in place of the listing", ("empty", None, ONCE), counted=FILES, attempts=3),
    _case(
        "own",
        "gdc",
        "an error in JSON in place of the status",
        ("json-error", None, ONCE),
        counted="^/status",
        attempts=2,
    ),
    _case("own", "gdc", "warns that a field of the cross-check is gone", ("warn", "state"), counted=FILES, attempts=2),
    _case(
        "own",
        "gdc",
        "warns that a field which is needed is gone",
        ("warn", "md5sum"),
        counted=FILES,
        attempts=1,
        says="GDC files: .*md5sum",
        others_arrive=False,
        **FAILS_NETWORK,
    ),
    _case(
        "own",
        "gdc",
        "403 for one id of three",
        ("status", 403),
        attempts=1,
        says=f"{FILE}: HTTP 403.*lock",
        **FAILS_NETWORK,
    ),
    _case(
        "own",
        "gdc",
        "lists a file name that climbs",
        counted=DATA,
        attempts=1,
        rules=(rule(FILES, "set-field", "file_name=../../evil", "only 1"),),
    ),
    _case(
        "own",
        "gdc",
        "lists a digest that climbs",
        ("set-field", "md5sum=../../evil", "only 1"),
        counted=FILES,
        attempts=2,
        exit_code=5,
        others_arrive=False,
    ),
    _case("own", "nbia", "leaves slices out of a valid zip", ("missing-slices", 2, ONCE), attempts=2),
    _case("own", "nbia", "leaves slices out for ever", ("missing-slices", 2), attempts=6, **FAILS_BYTES),
    _case(
        "own", "nbia", "cuts the last slice, with a valid CRC and no digests", ("short-slice", 0.5, ONCE), attempts=2
    ),
    _case("own", "nbia", "cuts the last slice for ever", ("short-slice", 0.5), attempts=6, **FAILS_BYTES),
    _case(
        "own",
        "nbia",
        "leaves the list of digests out for ever",
        ("no-digests",),
        attempts=6,
        says=f"{UID}.*md5hashes",
        **FAILS_BYTES,
    ),
    _case("own", "nbia", "lists a wrong digest for ever", ("other-digest",), attempts=6, **FAILS_BYTES),
    _case("own", "nbia", "names a member with a path", ("hostile-member", "../evil.dcm"), attempts=1, **FAILS_BYTES),
    _case(
        "own",
        "nbia",
        "200 with nothing for a restricted collection",
        ("empty",),
        counted=SERIES,
        attempts=1,
        says="TCGA-LGG.*phs004225",
        others_arrive=False,
        **FAILS_NETWORK,
    ),
    _case("own", "nbia", "400, access not granted", ("status", 400), attempts=1, **FAILS_NETWORK),
    _case("own", "nbia", "401, the token has expired", ("status", 401), attempts=1, token=True, **FAILS_NETWORK),
    _case(
        "own",
        "nbia",
        "lists a series id that climbs",
        ("set-field", "SeriesInstanceUID=../../evil"),
        counted=SERIES,
        attempts=1,
        says="evil",
        exit_code=5,
        others_arrive=False,
    ),
]
