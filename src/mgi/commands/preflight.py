"""Say before any long step which sources answer, need an account or are missing."""

import argparse
from collections.abc import Mapping
from typing import Any

from mgi.commands._service import service_for
from mgi.core.errors import ConfigError, MgiError, NetworkError
from mgi.core.files import write_json
from mgi.core.section import as_mapping
from mgi.locks.source import NobodyKeptError, follow, refuse_if_nobody
from mgi.modalities.fetching import opened
from mgi.modalities.modality import Modality
from mgi.modalities.registry import in_order


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--modalities", required=True, help="their sections of the configuration by name, as JSON")
    options.add_argument("--require", nargs="*", help="modalities that a patient must have to be kept (default: all)")
    options.add_argument("--archive", help="folder of a simulated archive, served locally instead of the real services")
    options.add_argument("--output", required=True, help="what was found, JSON")


def run(args: argparse.Namespace) -> None:
    sections = as_mapping(args.modalities, "--modalities")
    required = set(args.require or sections)
    found = [
        _told(kind, sections[kind.name], args.archive, required=kind.name in required) for kind in in_order(sections)
    ]
    for line, _ in found:
        print(f"{line['modality']} from {line['source']}: {line['state']}: {line['detail']}")
    failures = [error for _, error in found if error is not None]
    if failures:
        raise type(failures[0])("; ".join(str(error) for error in failures))
    write_json(args.output, {"kind": "preflight", "format": 2, "sources": [line for line, _ in found]})


def _told(
    kind: Modality, section: Mapping[str, Any], archive: str | None, *, required: bool
) -> tuple[dict[str, str], MgiError | None]:
    """One line about one source; its error is kept, so that the other sources are still asked."""
    name = {"modality": kind.name, "source": str(section.get("source", "default"))}
    try:
        with opened(kind, section, archive=archive, table=None, serve=service_for) as (chosen, source):
            if chosen.lock is None:
                detail = source.probe()
            else:  # the source is not asked, only whether it can serve the lock
                lock = follow(source, chosen.lock, modality=kind.name, name=chosen.source)
                refuse_if_nobody(lock, kind.companions, chosen.lock)
                detail = f"{len(lock.chosen)} items chosen by the lock {chosen.lock}; no search is asked"
        return {**name, "state": "ready", "detail": detail}, None
    except MgiError as error:
        detail = str(error)
        if isinstance(error, NobodyKeptError) and not required:
            return {**name, "state": "ready", "detail": detail}, None
        state = "missing" if isinstance(error, ConfigError) else "unusable"
        if isinstance(error, NetworkError) and "controlled access" in detail:
            state = "needs an account"
        return {**name, "state": state, "detail": detail}, error
