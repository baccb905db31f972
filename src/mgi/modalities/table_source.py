"""The source of a table of features that a section names: the GDC's files of a query, or a table of the user's own."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.files import Check
from mgi.modalities.gdc.opening import open_gdc
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.gdc.settings import TableSettings
from mgi.modalities.matrix_source import MatrixSource

_log = logging.getLogger(__name__)


@contextmanager
def open_table_source(
    query: GdcQuery,
    chosen: TableSettings,
    check: Check,
    *,
    archive: str | None,
    table: str | None,
    serve: Serve,
    labels: Callable[[Path], Sequence[str]] | None = None,
) -> Iterator[Source]:
    """The source; a simulated archive is served while the block runs. `check` reads a file as the shard will.

    `labels` gives the names of the samples of a user's file that is no table of samples and features.
    """
    if chosen.source == "matrix":
        path = table or chosen.table
        yield MatrixSource(
            modality=query.modality,
            table=Path(path) if path else None,
            what="samples and features",
            labels=labels or _sample_labels,
        )
        return
    with open_gdc(query, chosen, archive=archive, serve=serve, check=check) as source:
        yield source


def _sample_labels(path: Path) -> list[str]:
    from mgi.tables.feature_matrix import read_feature_matrix  # a download needs no Arrow, which takes time to load

    matrix = read_feature_matrix(path)
    samples, features = matrix.values.shape
    ignored = f"; columns not used: {', '.join(matrix.ignored)}" if matrix.ignored else ""
    empty = f"; {len(matrix.empty)} features without any value left out" if matrix.empty else ""
    _log.info("%s: %d samples, %d features%s%s", path.name, samples, features, ignored, empty)
    return matrix.samples
