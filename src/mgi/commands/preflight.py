"""Say before any long step which sources answer, need an account or are missing."""

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from mgi.commands._expression_source import expression_source
from mgi.commands._image_source import image_source
from mgi.core.errors import ConfigError, MgiError, NetworkError
from mgi.core.files import write_json
from mgi.core.settings import parse
from mgi.locks.lock import ExpressionLock, ImageLock, read_lock
from mgi.locks.source import Source
from mgi.modalities.flair.settings import FlairSettings
from mgi.modalities.rna.settings import RnaSettings

L = TypeVar("L", ExpressionLock, ImageLock)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--expression", required=True, help="the configuration's expression section, as JSON")
    options.add_argument("--images", required=True, help="the configuration's images section, as JSON")
    options.add_argument("--archive", help="folder of a simulated archive, served locally instead of the real services")
    options.add_argument("--output", required=True, help="what was found, JSON")
    return options


def run(args: argparse.Namespace) -> None:
    expression = parse(RnaSettings, args.expression, where="modalities.rna")
    images = parse(FlairSettings, args.images, where="modalities.flair")
    with (
        expression_source(expression, archive=args.archive) as genes,
        image_source(images, archive=args.archive) as mri,
    ):
        found = [
            _told("expression", expression.source, lambda: _detail(expression, ExpressionLock, genes)),
            _told("images", images.source, lambda: _detail(images, ImageLock, mri)),
        ]
    for line, _ in found:
        print(f"{line['kind']} from {line['source']}: {line['state']}: {line['detail']}")
    failures = [error for _, error in found if error is not None]
    if failures:
        raise type(failures[0])("; ".join(str(error) for error in failures))
    write_json(args.output, {"kind": "preflight", "format": 1, "sources": [line for line, _ in found]})


def _detail(chosen: RnaSettings | FlairSettings, cls: type[L], source: Source[Any, L]) -> str:
    """What the source says of itself; with a committed lock it is not asked, only whether it can serve the lock."""
    if chosen.lock is None:
        return source.probe()
    lock = read_lock(chosen.lock, cls, source=chosen.source)
    source.admit(lock)
    n_chosen = sum(item.chosen for item in lock.items)
    return f"{n_chosen} items chosen by the lock {chosen.lock}; no search is asked"


def _told(kind: str, name: str, detail_of: Callable[[], str]) -> tuple[dict[str, str], MgiError | None]:
    """One line about one source; its error is kept, so that the other source is still asked."""
    try:
        return {"kind": kind, "source": name, "state": "ready", "detail": detail_of()}, None
    except MgiError as error:
        detail = str(error)
        state = "missing" if isinstance(error, ConfigError) else "unusable"
        if isinstance(error, NetworkError) and "controlled access" in detail:
            state = "needs an account"
        return {"kind": kind, "source": name, "state": state, "detail": detail}, error
