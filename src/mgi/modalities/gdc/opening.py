"""The GDC's files of one modality as a source, and what to print of a lock of profiles."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from mgi.http.credentials import gdc_credential
from mgi.locks.lock import Lock
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.aliquots import ONLY_FIXED, TIED
from mgi.modalities.gdc.files import Check, GdcFiles
from mgi.modalities.gdc.preference import FIXED_LAST, PRESERVATION, VIAL_A_FIRST
from mgi.modalities.gdc.query import GdcQuery


class Chosen(Protocol):
    """What a section says of the GDC."""

    project: str
    base_url: str
    expected_files: tuple[int, ...] | None


@contextmanager
def open_gdc(
    query: GdcQuery, chosen: Chosen, *, archive: str | None, serve: Serve, check: Check | None = None
) -> Iterator[GdcFiles]:
    """The files that a query means; a simulated archive is served while the block runs."""
    with serve(archive, "", chosen.base_url, chosen) as service:  # type: ignore[arg-type]
        if archive is None:  # a token is for the real archive's host, never for the simulated one
            service = dataclasses.replace(service, credential=gdc_credential(os.environ))
        yield GdcFiles(
            query=query,
            service=service,
            project=chosen.project,
            check=check,
            expected_files=chosen.expected_files,
            simulated=archive is not None,
        )


def summary(lock: Lock) -> list[str]:
    """How many profiles there are and how many are chosen, and the choices that a person should look at."""
    n_chosen = len(lock.chosen)
    lines = [f"{len(lock.items)} profiles, {n_chosen} chosen, release {lock.release or 'not stated'}"]
    if lock.source == "gdc" and not any(item.text(PRESERVATION) for item in lock.items):
        lines.append("no sample's preservation is stated: a formalin-fixed vial is not known as such")
    told = {
        "with a formalin-fixed (FFPE) profile alone": [one for one in lock.chosen if one.reason.endswith(ONLY_FIXED)],
        "with a formalin-fixed profile passed over": [one for one in lock.items if FIXED_LAST in one.reason],
        "with vial A taken before B, their preservation not stated": [
            one for one in lock.items if VIAL_A_FIRST in one.reason
        ],
        "without a choice, since nothing tells their profiles apart": [
            one for one in lock.items if one.reason.startswith(TIED)
        ],
    }
    for what, items in told.items():
        if patients := sorted({item.patient_id for item in items}):
            lines.append(f"{len(patients)} patients {what}: {', '.join(patients[:5])}{', …' * (len(patients) > 5)}")
    return lines
