"""The source of methylation that a configuration names: the GDC's beta values, or a table of the user's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mgi.core.errors import BadInputError
from mgi.locks.item import Item
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.files import Check
from mgi.modalities.gdc.opening import summary
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.methylation.settings import MethylationSettings
from mgi.modalities.table_source import open_table_source

if TYPE_CHECKING:
    from mgi.modalities.methylation.betas import Betas

__all__ = ["open_source", "summary"]

BETAS = GdcQuery(
    modality="methylation",
    what="methylation beta values",
    data_category="DNA Methylation",
    data_type="Methylation Beta Value",
    experimental_strategy="Methylation Array",
    workflow_type="SeSAMe Methylation Beta Estimation",
    suffix=".level3betas.txt",
)


@contextmanager
def open_source(
    chosen: MethylationSettings, *, archive: str | None, table: str | None, serve: Serve
) -> Iterator[Source]:
    """The source of methylation; a simulated archive is served while the block runs."""
    check = _checking(chosen.probes)
    with open_table_source(BETAS, chosen, check, archive=archive, table=table, serve=serve) as source:
        yield source


def _checking(probes: int | None) -> Check:
    """Reads a file as the shard does, the probes of the first being known; `probes` is how many there must be."""
    known: list[Betas] = []

    def check(path: Path, item: Item) -> None:
        from mgi.modalities.methylation.betas import read_betas  # a lock needs no Arrow, which takes time to load

        read = read_betas(path, like=known[0] if known else None)
        if probes is not None and len(read.probes) != probes:
            expected = f"{probes} as modalities.methylation.probes says"
            raise BadInputError(f"{path}: another array of {len(read.probes)} probes, expected {expected}")
        known[:] = [read]

    return check
