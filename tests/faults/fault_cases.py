"""The matrix: every way in which a service goes wrong, at both services, and what must become of it.

Modes 1 to 35 are those of HTTP; `own` are failures that only this service has. Attempts count the requests that match
`counted`, in the whole run; where it fails and names no other code, the exit code is 3 (network) or 4 (wrong bytes).
"""

from fault_case import (
    FAILS_BYTES,
    FAILS_NETWORK,
    FILES,
    LISTING,
    ONCE,
    SERIES,
    SHORT_RATE,
    SHORT_READ,
    UIDS,
    Case,
    both,
    case,
    listed,
    name_of,
    of_features,
    rule,
)
from feature_files import SAID_OF_OTHER
from own_cases import OWN_CASES
from patience_cases import PATIENCE_CASES

__all__ = ["CASES", "Case", "name_of"]

CASES: list[Case] = [
    *(
        case
        for share in (0.0, 0.01, 0.5, 0.999)
        for case in both(1, f"drops at {share * 100:g} %", ("drop", share, ONCE), attempts=2)
    ),
    *both(1, "drops at 50 % for ever", ("drop", 0.5), attempts=6, **FAILS_NETWORK),
    # All bytes of a known size are there and right: no second request is needed.
    case(2, "gdc", "announces 1,000 bytes too many", ("length-long", 1000, ONCE), attempts=1),
    case(2, "nbia", "announces 1,000 bytes too many", ("length-long", 1000, ONCE), attempts=2),
    *both(3, "announces 1,000 bytes too few", ("length-short", 1000, ONCE), attempts=2),
    *both(4, "announces no length, hangs up half-way", ("close-cut", 0.5, ONCE), attempts=2),
    *both(5, "leaves out the last chunk", ("chunked-cut", 0.5, ONCE), attempts=2),
    *both(6, "sends wrong bytes once", ("wrong-bytes", 0.5, ONCE), attempts=2),
    *both(7, "sends wrong bytes for ever", ("wrong-bytes", 0.5), attempts=6, **FAILS_BYTES),
    *both(8, "429, Retry-After 1", ("retry-after", 1.0, ONCE), attempts=2, pauses=(1.0,)),
    *both(9, "429, Retry-After as a date", ("retry-date", 200.0, ONCE), attempts=2, pauses=(200.0,), pause_slack=0.3),
    *both(10, "429, Retry-After 86400", ("retry-after", 86400.0, ONCE), attempts=2, pauses=(300.0,)),
    *both(11, "503 twice", ("status", 503, "first 2"), attempts=3),
    *both(12, "500 for ever", ("status", 500), attempts=6, **FAILS_NETWORK),
    *both(13, "403", ("status", 403), attempts=1, **FAILS_NETWORK),
    *both(13, "404", ("status", 404), attempts=1, **FAILS_NETWORK),
    *both(14, "drips the body", ("drip", 50.0, ONCE), attempts=2, limits=SHORT_RATE),
    *both(14, "stops in the body without hanging up", ("stall", 0.5, ONCE), attempts=2, limits=SHORT_READ),
    *both(15, "is slow with the header", ("slow-header", 60.0, ONCE), attempts=2, limits=SHORT_READ),
    *both(16, "refuses the connection until the first pause", starts="locked", refused="once", attempts=2),
    *both(
        16,
        "refuses every connection",
        starts="locked",
        refused="always",
        attempts=6,
        others_arrive=False,
        **FAILS_NETWORK,
    ),
    *both(17, "resets before the header", ("reset-early", None, ONCE), attempts=2),
    *both(17, "resets in the body", ("reset", 0.5, ONCE), attempts=2),
    *both(18, "sends half the body as if it were all", ("truncated", 0.5, ONCE), attempts=2),
    case(19, "gdc", "changes one byte near the end", ("wrong-bytes", 0.999, ONCE), attempts=2),
    case(19, "nbia", "breaks the CRC of one member", ("member-crc", 2, ONCE), attempts=2),
    *both(20, "a web page with 200", ("page", None, ONCE), attempts=2),
    *both(20, "a web page labelled as data", ("page-as-data", None, ONCE), attempts=2),
    *both(20, "a web page for ever", ("page-as-data", None), attempts=6, **FAILS_NETWORK),
    *both(21, "200 with nothing", ("empty", None, ONCE), attempts=2),
    # Short enough to be the beginning of a file: it is continued, found wrong, and fetched afresh.
    case(22, "gdc", "an error in JSON with 200", ("json-error", None, ONCE), attempts=3),
    case(22, "nbia", "an error in JSON with 200", ("json-error", None, ONCE), attempts=2),
    *both(23, "ignores Range", ("drop", 0.5, ONCE), ("no-range",), attempts=2),
    *both(24, "206 of another range", ("drop", 0.5, ONCE), ("wrong-range", 7, "only 2"), attempts=3),
    case(25, "gdc", "416 to the resume", ("drop", 0.5, ONCE), ("range-416", None, "only 2"), attempts=3),
    case(25, "nbia", "416 although no range was asked for", ("range-416",), attempts=1, **FAILS_NETWORK),
    case(
        26,
        "gdc",
        "another version before the resume",
        ("etag", "a", ONCE),
        ("drop", 0.5, ONCE),
        ("other-version", None, ONCE),
        attempts=3,
    ),
    case(
        26,
        "nbia",
        "another version before the break",
        ("etag", "a", ONCE),
        ("drop", 0.5, ONCE),
        ("other-images", None, ONCE),
        attempts=2,
    ),
    case(
        27, "gdc", "changes a file after it was fetched: it is kept", ("other-version",), starts="fetched", attempts=0
    ),
    case(
        27,
        "nbia",
        "changes images after they were fetched: they are kept",
        ("other-images",),
        starts="fetched",
        attempts=0,
    ),
    case(27, "gdc", "changes a file after the lock", ("other-version",), attempts=6, **FAILS_BYTES),
    case(
        27, "nbia", "lists fewer images after the lock", attempts=0, rules=(rule(UIDS, "lose-row", 0),), **FAILS_BYTES
    ),
    case(
        27,
        "gdc",
        "changes a file and its listed md5, then a new lock",
        ("other-version",),
        attempts=1,
        rules=(rule(FILES, "set-field", "md5sum={other_md5}", "only 1"),),
        other_version=True,
    ),
    case(
        27,
        "nbia",
        "changes pixels and digests after the lock (NBIA lists no digest to lock)",
        ("other-images",),
        attempts=1,
        other_version=True,
    ),
    case(28, "gdc", "lists an id twice", ("repeat-row", 0, ONCE), counted=FILES, attempts=3),
    case(
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
    case(28, "nbia", "lists a series twice", ("repeat-row", 0, ONCE), counted=SERIES, attempts=2),
    case(
        28,
        "nbia",
        "lists a series twice for ever",
        ("repeat-row", 0),
        counted=SERIES,
        attempts=6,
        others_arrive=False,
        **FAILS_BYTES,
    ),
    case(28, "nbia", "lists an image twice for ever", attempts=0, rules=(rule(UIDS, "add-row", 0),), **FAILS_BYTES),
    case(29, "gdc", "loses a hit between pages", ("lose-row", 0, "only 2"), counted=FILES, attempts=5),
    case(29, "gdc", "repeats a hit on the next page", ("add-row", 0, "only 2"), counted=FILES, attempts=4),
    case(29, "gdc", "states another total once", ("total", 1, ONCE), counted=FILES, attempts=4),
    case(
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
    case(
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
    case(29, "nbia", "ends the list half-way", ("truncated", 0.6, ONCE), counted=SERIES, attempts=2),
    *both(30, "redirects to the same address once", ("redirect", None, ONCE), attempts=2),
    *both(30, "redirects in a circle", ("redirect",), attempts=6, **FAILS_NETWORK),
    *both(
        31,
        "redirects to another host while a token is set",
        ("redirect", "{trap}/data/x"),
        attempts=1,
        token=True,
        **FAILS_NETWORK,
    ),
    *both(32, "redirects to a file", ("redirect", "file:///etc/hostname"), attempts=1, **FAILS_NETWORK),
    *both(
        32,
        "redirects to 169.254.169.254",
        ("redirect", "http://169.254.169.254/latest/meta-data"),
        attempts=1,
        **FAILS_NETWORK,
    ),
    *both(32, "redirects to another port of this machine", ("redirect", "{trap}/"), attempts=1, **FAILS_NETWORK),
    *both(33, "packs the body with gzip", ("gzip",), attempts=1),
    case(34, "gdc", "a gzip bomb of 300 MiB", ("gzip-bomb", 300), attempts=1, bomb=True, **FAILS_BYTES),
    case(34, "nbia", "a gzip bomb of 300 MiB", ("gzip-bomb", 300), attempts=6, bomb=True, **FAILS_BYTES),
    *(
        case
        for kind, name in (
            ("climbs", "../../evil"),
            ("is absolute", "{sandbox}/evil"),
            ("holds a NUL", "evil\0.tsv"),
            ("is long", "evil" * 75),
        )
        for case in both(35, f"a file name that {kind}", ("disposition", name), attempts=1)
    ),
]


CASES += [
    *listed(1, "drops the listing at 50 %", ("drop", 0.5, ONCE), attempts=2),
    *listed(5, "leaves out the last chunk of the listing", ("chunked-cut", 0.5, ONCE), attempts=2),
    *listed(8, "429, Retry-After 1, for the listing", ("retry-after", 1.0, ONCE), attempts=2, pauses=(1.0,)),
    *listed(11, "503 twice for the listing", ("status", 503, "first 2"), attempts=3),
    *listed(
        12,
        "500 for ever for the listing",
        ("status", 500),
        attempts=6,
        attempts_nbia=12,  # six of v4, six of v1
        says="(files from 0|series of TCGA-LGG): HTTP 500",
        **FAILS_NETWORK,
    ),
    *listed(20, "a web page in place of the listing", ("page-as-data", None, ONCE), attempts=2),
    *listed(22, "an error in JSON in place of the listing", ("json-error", None, ONCE), attempts=2),
    *listed(
        32,
        "redirects the listing to another port",
        ("redirect", "{trap}/"),
        attempts=1,
        says=f"{LISTING}: redirected to another",
        **FAILS_NETWORK,
    ),
    *listed(33, "packs the listing with gzip", ("gzip",), attempts=1),
    *listed(
        34,
        "a gzip bomb in place of the listing",
        ("gzip-bomb", 300),
        attempts=1,
        says=f"{LISTING}: the body unpacks",
        bomb=True,
        **FAILS_BYTES,
    ),
]

CASES += OWN_CASES

CASES += [
    *of_features(1, "drops a file of {} at 50 %", ("drop", 0.5, ONCE), attempts=2),
    *of_features(7, "sends wrong bytes of {} for ever", ("wrong-bytes", 0.5), attempts=6, **FAILS_BYTES),
    *of_features(13, "404 for a file of {}", ("status", 404), attempts=1, **FAILS_NETWORK),
    *of_features(18, "sends half a file of {} as if it were all", ("truncated", 0.5, ONCE), attempts=2),
    *of_features(20, "a web page labelled as {}", ("page-as-data", None, ONCE), attempts=2),
    *of_features(33, "packs a file of {} with gzip", ("gzip",), attempts=1),
    *(
        case(
            27,
            "gdc",
            f"changes digits of {name} and the listed md5, then a new lock",
            ("other-version",),
            attempts=1,
            rules=(rule(FILES, "set-field", "md5sum={other_md5}", "only 1"),),
            other_version=True,
            modality=name,
            says=said,
        )
        for name, said in SAID_OF_OTHER.items()
    ),
]

CASES += PATIENCE_CASES
