"""How the source that a modality's settings name is opened.

The module that a modality names as `fetching` has `open_source(chosen, *, archive, table, serve)`, a context manager of
the source that the settings name (`table` is the user's own file or folder), and `summary(lock)`, what to print of a
new lock, in lines.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

from mgi.http.service import Service
from mgi.locks.settings import FetchSettings
from mgi.locks.source import Source
from mgi.modalities.modality import Modality
from mgi.modalities.registry import settings_class

Serve = Callable[[str | None, str, str, FetchSettings], AbstractContextManager[Service]]
"""A client of the service at a base URL, or at a path on the server of a simulated archive where its folder is given.

Given that folder or None, the path, the URL, and the settings.
"""


@contextmanager
def opened(
    modality: Modality, given: Mapping[str, Any], *, archive: str | None, table: str | None, serve: Serve
) -> Iterator[tuple[FetchSettings, Source]]:
    """The settings and the source that a section of the configuration names, while the block runs."""
    chosen = settings_class(modality.name).read(dict(given), where=f"modalities.{modality.name}")
    code = import_module(modality.fetching)
    with code.open_source(chosen, archive=archive, table=table, serve=serve) as source:
        yield chosen, source
