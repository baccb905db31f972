"""The source of protein arrays that a configuration names: the GDC's files, or a table of the user's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.locks.item import Item
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.opening import summary
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.rppa.settings import RppaSettings
from mgi.modalities.table_source import open_table_source

__all__ = ["open_source", "summary"]

ARRAYS = GdcQuery(
    modality="rppa",
    what="protein arrays",
    data_category="Proteome Profiling",
    data_type="Protein Expression Quantification",
    experimental_strategy="Reverse Phase Protein Array",
    workflow_type=None,
    suffix=".RPPA_data.tsv",
    entity="portion",
)


@contextmanager
def open_source(chosen: RppaSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of protein arrays; a simulated archive is served while the block runs."""
    with open_table_source(ARRAYS, chosen, _check, archive=archive, table=table, serve=serve) as source:
        yield source


def _check(path: Path, item: Item) -> None:
    from mgi.modalities.rppa.antibodies import read_antibodies  # a lock needs no Arrow

    read_antibodies(path)
