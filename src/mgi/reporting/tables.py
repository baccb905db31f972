"""Rows of the report's tables of provenance, as text ready to print."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mgi.reporting.provenance import RuleCost
from mgi.tasks.text import NOTHING


def cost_rows(costs: Sequence[RuleCost]) -> list[dict[str, str]]:
    """Rules with jobs, wall time and peak memory as people read them."""
    return [
        {
            "rule": cost.rule,
            "jobs": str(cost.jobs),
            "wall": duration(cost.wall_seconds),
            "peak": NOTHING if math.isnan(cost.peak_mb) else f"{cost.peak_mb:,.0f}",
        }
        for cost in costs
    ]


def duration(seconds: float) -> str:
    """Seconds below a minute, then minutes, then hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def lock_rows(locks: Mapping[str, Mapping[str, Any]], digests: Mapping[str, str]) -> list[dict[str, str]]:
    """Where each modality came from and the digest of the lock that pins it."""
    return [
        {
            "kind": kind,
            "source": str(lock["source"]),
            "release": ", ".join(str(lock[key]) for key in ("collection", "release") if lock.get(key)) or NOTHING,
            "digest": digests[kind],
        }
        for kind, lock in sorted(locks.items())
    ]
