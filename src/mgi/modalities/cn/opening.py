"""The source of copy numbers that a configuration names: the GDC's files, or a table of the user's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.locks.item import Item
from mgi.locks.source import Source
from mgi.modalities.cn.settings import CnSettings
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.opening import summary
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.table_source import open_table_source

__all__ = ["open_source", "summary"]

GENE_LEVEL = GdcQuery(
    modality="cn",
    what="gene-level copy numbers",
    data_category="Copy Number Variation",
    data_type="Gene Level Copy Number",
    experimental_strategy="Genotyping Array",
    workflow_type="ASCAT3",
    entity="pair",
    suffix=".gene_level_copy_number.tsv",
)


@contextmanager
def open_source(chosen: CnSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of copy numbers; a simulated archive is served while the block runs."""
    with open_table_source(GENE_LEVEL, chosen, _check, archive=archive, table=table, serve=serve) as source:
        yield source


def _check(path: Path, item: Item) -> None:
    from mgi.modalities.cn.ascat import read_copy_numbers  # a lock needs no Arrow

    read_copy_numbers(path)
