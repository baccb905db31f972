"""The source of gene expression that a configuration names: the GDC, or a table of the user's own, read in place."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.opening import open_gdc, summary
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.matrix_source import MatrixSource
from mgi.modalities.rna.settings import RnaSettings

__all__ = ["expression_matrix", "open_source", "summary"]

RNA = "rna"
STAR_COUNTS = GdcQuery(
    modality=RNA,
    what="STAR counts",
    data_category="Transcriptome Profiling",
    data_type="Gene Expression Quantification",
    experimental_strategy="RNA-Seq",
    workflow_type="STAR - Counts",
    suffix=".tsv",
    in_samples=True,
)
_log = logging.getLogger(__name__)


@contextmanager
def open_source(chosen: RnaSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of gene expression; a simulated archive is served while the block runs."""
    if chosen.source == "matrix":
        path = table or chosen.table
        yield expression_matrix(Path(path) if path else None, chosen.ignore)
        return
    with open_gdc(STAR_COUNTS, chosen, archive=archive, serve=serve) as source:
        yield source


def expression_matrix(table: Path | None, ignore: tuple[str, ...] = ()) -> MatrixSource:
    """A table of samples and genes; `ignore` are labels of it that are no genes."""
    return MatrixSource(
        modality=RNA, table=table, what="samples and genes", labels=lambda path: _sample_labels(path, ignore)
    )


def _sample_labels(path: Path, ignore: tuple[str, ...]) -> list[str]:
    from mgi.modalities.rna.matrix import (
        read_labelled_matrix,  # a download needs no pandas, which takes a second to load
    )
    from mgi.modalities.rna.no_gene import few

    matrix = read_labelled_matrix(path, ignore)
    samples, genes = matrix.values.shape
    ignored = f"; columns not used: {', '.join(matrix.ignored)}" if matrix.ignored else ""
    dropped = "".join(
        f"; {len(names)} left out: {reason} ({few(names, 5)})" for reason, names in matrix.dropped.items()
    )
    named = f"{genes} genes by {matrix.gene_labels}"
    _log.info("%s: read as %s, %d samples, %s%s%s", path.name, matrix.layout, samples, named, ignored, dropped)
    for note in (matrix.scale, *matrix.notes):
        _log.info("%s: %s", path.name, note)
    return matrix.samples
