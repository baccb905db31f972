"""One row of the matrix, and how rows are written: for one service, for both, for their listings."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from fault_archive import COLLECTION, FILE, UID, first_file
from feature_files import KINDS

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
    clock_step_s: float = 0.0
    """Where it is not 0, the client's clock goes so far on at each look, and no request may take twice its deadline."""
    modality: str = ""
    """What is fetched, where it is not the expression or the images of the service."""
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


def case(mode: int | Literal["own"], service: Literal["gdc", "nbia"], does: str, *given: Any, **more: Any) -> Case:
    """A row; rules come as (fault, value, calls) and concern the first item's bytes unless `counted` says else."""
    modality = more.get("modality", "")
    of_gdc = f"^/data/{first_file(modality)}$" if modality else DATA
    counted = more.setdefault("counted", of_gdc if service == "gdc" else IMAGE)
    rules = tuple(rule(counted, *one) for one in given) + more.pop("rules", ())
    if more.get("exit_code"):
        more.setdefault("says", re.escape(first_file(modality) if modality else NAMED[service]))
    return Case(mode=mode, service=service, does=does, rules=rules, **more)


def both(mode: int, does: str, *given: Any, **more: Any) -> list[Case]:
    return [case(mode, "gdc", does, *given, **more), case(mode, "nbia", does, *given, **more)]


ONCE = "first 1"
FAILS_NETWORK, FAILS_BYTES = {"exit_code": 3}, {"exit_code": 4}


def listed(mode: int, does: str, *given: Any, says: str = "", **more: Any) -> list[Case]:
    """Rows for the listing: the GDC's has two pages, each asked for once where nothing goes wrong."""
    fails = bool(more.get("exit_code"))
    more |= {"others_arrive": not fails, "says": says}
    extra = more.pop("attempts")
    of_nbia = more.pop("attempts_nbia", extra)
    return [
        case(mode, "gdc", does, *given, counted=FILES, attempts=extra if fails else extra + 1, **more),
        case(mode, "nbia", does, *given, counted=SERIES, attempts=of_nbia, **more),
    ]


def of_features(mode: int | Literal["own"], does: str, *given: Any, **more: Any) -> list[Case]:
    """A row for a file of each modality beside expression at the GDC."""
    return [case(mode, "gdc", does.format(name), *given, modality=name, **more) for name in KINDS]
