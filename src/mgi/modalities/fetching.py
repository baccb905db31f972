"""What the module that a modality names as `fetching` holds: how to open the source that its settings name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, Protocol, cast

from mgi.http.service import Service
from mgi.locks.lock import Lock
from mgi.locks.settings import FetchSettings
from mgi.locks.source import Source
from mgi.modalities.modality import Modality
from mgi.modalities.registry import settings_class


class ServiceSettings(Protocol):
    """Settings of a modality that a service is asked for."""

    @property
    def base_url(self) -> str: ...  # noqa: D102
    @property
    def retry_base_s(self) -> float: ...  # noqa: D102
    @property
    def threads(self) -> int: ...  # noqa: D102


Serve = Callable[[str | None, str, ServiceSettings], AbstractContextManager[Service]]
"""Given the folder of a simulated archive or None, a path on its server, and settings: a client of the service."""


class Fetching(Protocol):
    """The module."""

    def open_source(
        self, chosen: Any, *, archive: str | None, table: str | None, serve: Serve
    ) -> AbstractContextManager[Source]:
        """The source that the settings name, put together; `table` is the user's own file or folder."""
        ...

    def summary(self, lock: Lock) -> Sequence[str]:
        """What to print of a new lock, in lines."""
        ...


def fetching_of(modality: Modality) -> Fetching:
    """The module of a modality."""
    return cast(Fetching, import_module(modality.fetching))


@contextmanager
def opened(
    modality: Modality, given: Mapping[str, Any], *, archive: str | None, table: str | None, serve: Serve
) -> Iterator[tuple[FetchSettings, Source]]:
    """The settings and the source that a section of the configuration names, while the block runs."""
    chosen = settings_class(modality.name).read(dict(given), where=f"modalities.{modality.name}")
    with fetching_of(modality).open_source(chosen, archive=archive, table=table, serve=serve) as source:
        yield chosen, source
