"""Modes 36 to 42: what drips, never ends or is nonsense; limits are the real ones, met by a clock that runs fast."""

from fault_case import (
    DATA,
    FAILS_BYTES,
    FAILS_NETWORK,
    FILES,
    LISTING,
    ONCE,
    SERIES,
    UIDS,
    Case,
    both,
    case,
    listed,
    rule,
)

from mgi.http.body import Limits

REAL = {"limits": Limits(), "clock_step_s": 1.0}
HEADER = "the header is not complete after 30 s"
BODY = "the body is not complete after 3[0-9]+ s"
RATE = 1000.0
SQUARE, ESCAPES = "\xb2", "\x1b[2J\x1b]0;title\x07\x00\x9b"
HUGE = "1" + "0" * 4000
VAST = HUGE * 2
NO_LENGTH = "HTTP/1.1 200 OK\r\n"
CHUNKS = f"{NO_LENGTH}Transfer-Encoding: chunked\r\n\r\n"

PATIENCE_CASES: list[Case] = [
    *both(36, "drips the header for ever", ("drip-header", RATE), attempts=6, **REAL, **FAILS_NETWORK),
    *both(36, "drips the header", ("drip-header", RATE, ONCE), attempts=2, **REAL),
    *both(36, "says 100 Continue for ever", ("endless-continue", 20 * RATE), attempts=6, **REAL, **FAILS_NETWORK),
    *both(36, "says 100 Continue without end", ("endless-continue", 20 * RATE, ONCE), attempts=2, **REAL),
    *both(36, "drips a chunk's length for ever", ("endless-mark", RATE), attempts=5, **REAL, **FAILS_NETWORK),
    *both(36, "drips a chunk's length", ("endless-mark", RATE, ONCE), attempts=2, **REAL),
    # All bytes of a known size are there and right, whatever follows.
    case(36, "gdc", "drips a trailer for ever", ("endless-trailer", RATE), attempts=1, **REAL),
    case(36, "nbia", "drips a trailer for ever", ("endless-trailer", RATE), attempts=5, **REAL, **FAILS_NETWORK),
    *both(36, "drips the body for ever", ("drip", RATE), attempts=5, **REAL, **FAILS_NETWORK),
    *both(36, "drips the text of a 403", ("drip-refusal", 403), attempts=1, **REAL, **FAILS_NETWORK),
    *both(36, "drips the text of a 404", ("drip-refusal", 404), attempts=1, **REAL, **FAILS_NETWORK),
    *both(36, "drips the text of a 503", ("drip-refusal", 503, "first 2"), attempts=3, **REAL),
    *both(36, "drips the text of a 503 for ever", ("drip-refusal", 503), attempts=6, **REAL, **FAILS_NETWORK),
    *listed(36, "drips the listing's header", ("drip-header", RATE, ONCE), attempts=2, **REAL),
    *listed(
        36,
        "drips the listing's header for ever",
        ("drip-header", RATE),
        attempts=6,
        says=f"{LISTING}: {HEADER}",
        **REAL,
        **FAILS_NETWORK,
    ),
    *listed(
        36,
        "says 100 Continue for ever to the listing",
        ("endless-continue", 20 * RATE),
        attempts=6,
        says=f"{LISTING}: {HEADER}",
        **REAL,
        **FAILS_NETWORK,
    ),
    *(
        one
        for does, fault in (
            ("a chunk's length", "endless-mark"),
            ("a trailer", "endless-trailer"),
            ("the body", "drip"),
        )
        for one in listed(
            36,
            f"drips {does} of the listing for ever",
            (fault, RATE),
            attempts=5,
            says=f"{LISTING}: {BODY}",
            **REAL,
            **FAILS_NETWORK,
        )
    ),
    *listed(
        36,
        "drips the text of a 500 for the listing for ever",
        ("drip-refusal", 500),
        attempts=6,
        attempts_nbia=12,
        says=f"{LISTING}: HTTP 500",
        **REAL,
        **FAILS_NETWORK,
    ),
    case(
        37,
        "gdc",
        "announces 10^9 hits",
        ("announce", 1e9),
        counted=FILES,
        attempts=2,
        says="files: .*1000000000 rows",
        others_arrive=False,
        **FAILS_BYTES,
    ),
    case(
        37,
        "gdc",
        "lists a hit a page without end",
        ("endless-pages", 100_000),
        counted=FILES,
        attempts=11,
        says="files: .*11 of 100000 hits in 11 pages",
        others_arrive=False,
        **FAILS_BYTES,
    ),
    case(
        37,
        "nbia",
        "lists more series than any collection has",
        ("many-rows", 1001),
        counted=SERIES,
        attempts=1,
        limits=Limits(listing_rows=1000),
        says="series of TCGA-LGG: .*1001 rows",
        others_arrive=False,
        **FAILS_BYTES,
    ),
    case(
        37,
        "nbia",
        "lists 45 MB",
        ("many-rows", 120_000),
        counted=SERIES,
        attempts=1,
        says="series of TCGA-LGG: the body passes 33554432 bytes",
        others_arrive=False,
        **FAILS_BYTES,
    ),
]


def _retry_after(does: str, text: str, pause_s: float) -> list[Case]:
    return both(38, f"429, Retry-After {does}", ("retry-after-text", text, ONCE), attempts=2, pauses=(pause_s,))


PATIENCE_CASES += [
    *_retry_after("²", SQUARE, 0.0),
    *_retry_after("of 50 digits", "9" * 50, 300.0),
    *_retry_after("of 5,000 digits", "9" * 5000, 0.0),
    *_retry_after("-5", "-5", 0.0),
    *_retry_after("1e9", "1e9", 0.0),
    *_retry_after("in the year 9999", "Fri, 31 Dec 9999 23:59:59 GMT", 300.0),
    *_retry_after("in the past", "Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    *_retry_after("of control characters", ESCAPES, 0.0),
    *(
        one
        for does, target in (
            ("http://[::1", "http://[::1"),
            ("an address with control characters", f"/{ESCAPES}"),
            ("a host with control characters", f"http://{ESCAPES}/"),
            ("a port that is none", "http://127.0.0.1:port/"),
            ("ftp", "ftp://127.0.0.1/x"),
            ("javascript", "javascript:alert(1)"),
        )
        for one in both(39, f"redirects to {does}", ("redirect", target), attempts=1, **FAILS_NETWORK)
    ),
    *listed(
        39,
        "redirects the listing to http://[::1",
        ("redirect", "http://[::1"),
        attempts=1,
        says=f"{LISTING}: redirected to 'http://\\[::1'",
        **FAILS_NETWORK,
    ),
]


def _json(does: str, gdc: str, nbia: str, says: str, attempts: int = 6, **ends: int) -> list[Case]:
    """A field of the first listed row set to odd JSON, in every reply."""
    given = {"says": says, "others_arrive": not ends, **ends}
    pages, calls = (2, "only 1") if attempts == 1 else (attempts, "all")
    return [
        case(40, "gdc", does, ("set-json", gdc, calls), counted=FILES, attempts=pages, **given),
        case(40, "nbia", does, ("set-json", nbia), counted=SERIES, attempts=attempts, **given),
    ]


DEEP = "[" * 50_000
PATIENCE_CASES += [
    *_json("lists a lone surrogate", r'file_name="\ud800.tsv"', r'SeriesDescription="AX FLAIR \ud800"', "", 1),
    *_json("lists control characters", r'file_name="\u001b[2J"', r'SeriesDescription="AX FLAIR\u001b[2J"', "", 1),
    *_json("lists a size of 10^4000", f"file_size={HUGE}", f"FileSize={HUGE}", "4001 digits", **FAILS_NETWORK),
    *_json("lists a size of 9,000 digits", f"file_size={VAST}", f"FileSize={VAST}", "8002 digits", **FAILS_NETWORK),
    *_json("lists a size of 10^20", f"file_size={10**20}", f"FileSize={10**20}", "10.18", 1, exit_code=5),
    *_json("lists a size below 0", "file_size=-1", "ImageCount=-1", "-1", 1, exit_code=5),
    *_json("lists NaN", "file_size=NaN", "FileSize=NaN", "NaN", **FAILS_NETWORK),
    *_json("lists 1e999", "file_size=1e999", "FileSize=1e999", "1e999", **FAILS_NETWORK),
    *_json("nests 50,000 deep", f"state={DEEP}", f"Modality={DEEP}", "nested too deep", **FAILS_NETWORK),
    *_json("lists a key twice", 'state="a", "state": "b"', 'Modality="MR", "Modality": "CT"', "twice", **FAILS_NETWORK),
    *_json("lists a list for an id", "file_id=[[]]", "SeriesInstanceUID=[[]]", r"\[\[\]\]", 1, exit_code=5),
    *_json("lists null for a patient", "cases=null", "PatientID=null", "(GDC file|NBIA series|None)", 1, exit_code=5),
    case(
        40,
        "nbia",
        "NaN in the list of one series' images",
        attempts=0,
        rules=(rule(UIDS, "set-json", "SOPInstanceUID=NaN"),),
        **FAILS_NETWORK,
    ),
    case(
        40,
        "gdc",
        "a size of 10^20 for what superseded a file",
        attempts=1,
        rules=(rule(DATA, "status", 403), rule("^/files/versions", "set-json", f"latest_size={10**20}")),
        **FAILS_NETWORK,
    ),
    *both(41, "a refusal of control characters", ("refusal-text", ESCAPES), attempts=1, **FAILS_NETWORK),
    *both(41, "a refusal of 1 MB", ("refusal-text", "no " * 350_000), attempts=1, **FAILS_NETWORK),
    *both(
        41,
        "206 with a Content-Range of control characters",
        ("content-range", f"bytes {ESCAPES}"),
        attempts=6,
        **FAILS_BYTES,
    ),
]


def _raw(does: str, text: str, **ends: object) -> list[Case]:
    return both(42, does, ("raw", text, ONCE), **{"attempts": 2, **ends})


PATIENCE_CASES += [
    *_raw("speaks no HTTP", "SSH-2.0-OpenSSH_9.9\r\n"),
    *_raw("hangs up at once", ""),
    *_raw("a status of five digits", "HTTP/1.1 20000 OK\r\n\r\n"),
    *_raw("a header line of 70,000 bytes", f"{NO_LENGTH}X: {'x' * 70_000}\r\n\r\n"),
    *_raw("200 header lines", NO_LENGTH + "X: y\r\n" * 200 + "\r\n"),
    *_raw("two lengths", f"{NO_LENGTH}Content-Length: 2, 3\r\n\r\n[]", attempts=1, **FAILS_NETWORK),
    *_raw("a chunk's length that is none", f"{CHUNKS}zz\r\n[]"),
    *_raw("a chunk's length below 0", f"{CHUNKS}-5\r\n"),
    *_raw("a hundred encodings", f"{NO_LENGTH}Content-Encoding: {'gzip,' * 100}gzip\r\nContent-Length: 2\r\n\r\n[]"),
    *_raw("gzip that is none", f"{NO_LENGTH}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]"),
]
