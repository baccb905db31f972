"""The source of mutations that a configuration names: the GDC's files, or a file of the user's own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.locks.item import Item
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.listing import ENTITY_ID
from mgi.modalities.gdc.opening import summary
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.mutation.settings import MutationSettings
from mgi.modalities.table_source import open_table_source

__all__ = ["open_source", "summary"]

MASKED = GdcQuery(
    modality="mutation",
    what="masked somatic mutations",
    data_category="Simple Nucleotide Variation",
    data_type="Masked Somatic Mutation",
    experimental_strategy="WXS",
    workflow_type="Aliquot Ensemble Somatic Variant Merging and Masking",
    entity="pair",
    suffix=".maf.gz",
)
_log = logging.getLogger(__name__)


@contextmanager
def open_source(chosen: MutationSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of mutations; a simulated archive is served while the block runs."""
    with open_table_source(
        MASKED, chosen, _check, archive=archive, table=table, serve=serve, labels=_sample_labels
    ) as source:
        yield source


def _check(path: Path, item: Item) -> None:
    from mgi.modalities.mutation.maf import read_maf, require_tumour  # a lock needs no Arrow

    require_tumour(read_maf(path), item.sample or "", item.text(ENTITY_ID), path)


def _sample_labels(path: Path) -> list[str]:
    from mgi.modalities.mutation.own_file import read_own_file

    found = read_own_file(path)
    _log.info("%s: read as %s, %d samples", path.name, found.layout, len(found.tumours))
    for note in found.notes:
        _log.info("%s: %s", path.name, note)
    return sorted(found.tumours)
