"""The source of microRNAs that a configuration names: the GDC's quantification, or a table of the user's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.locks.item import Item
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.opening import summary
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.mirna.settings import MirnaSettings
from mgi.modalities.table_source import open_table_source

__all__ = ["open_source", "summary"]

QUANTIFICATION = GdcQuery(
    modality="mirna",
    what="microRNA quantifications",
    data_category="Transcriptome Profiling",
    data_type="miRNA Expression Quantification",
    experimental_strategy="miRNA-Seq",
    workflow_type="BCGSC miRNA Profiling",
    suffix=".mirnas.quantification.txt",
)


@contextmanager
def open_source(chosen: MirnaSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of microRNAs; a simulated archive is served while the block runs."""
    with open_table_source(QUANTIFICATION, chosen, _check, archive=archive, table=table, serve=serve) as source:
        yield source


def _check(path: Path, item: Item) -> None:
    from mgi.modalities.mirna.quantification import read_quantification  # a lock needs no Arrow

    read_quantification(path)
