"""The source of gene expression that a configuration names, put together."""

import dataclasses
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.http.credentials import gdc_credential
from mgi.locks.lock import Lock
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.rna.settings import RnaSettings
from mgi.modalities.rna.sources.gdc import GdcExpression
from mgi.modalities.rna.sources.matrix import MatrixExpression

_log = logging.getLogger(__name__)


@contextmanager
def open_source(chosen: RnaSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of gene expression; a simulated archive is served while the block runs."""
    if chosen.source == "matrix":
        path = table or chosen.table
        yield MatrixExpression(table=Path(path) if path else None, labels_of=_sample_labels)
        return
    with serve(archive, "", chosen.base_url, chosen) as service:
        if archive is None:  # a token is for the real archive's host, never for the simulated one
            service = dataclasses.replace(service, credential=gdc_credential(os.environ))
        yield GdcExpression(
            service=service,
            project=chosen.project,
            expected_files=chosen.expected_files,
            simulated=archive is not None,
        )


def summary(lock: Lock) -> list[str]:
    """How many profiles there are and how many are chosen."""
    n_chosen = len(lock.chosen)
    return [f"{len(lock.items)} profiles, {n_chosen} chosen, release {lock.release or 'not stated'}"]


def _sample_labels(path: Path) -> list[str]:
    from mgi.modalities.rna.matrix import (
        read_labelled_matrix,  # a download needs no pandas, which takes a second to load
    )

    matrix = read_labelled_matrix(path)
    samples, genes = matrix.values.shape
    ignored = f"; columns not used: {', '.join(matrix.ignored)}" if matrix.ignored else ""
    dropped = "".join(f"; {len(names)} left out: {reason}" for reason, names in matrix.dropped.items())
    named = f"{genes} genes by {matrix.gene_labels}"
    _log.info("%s: read as %s, %d samples, %s%s%s", path.name, matrix.layout, samples, named, ignored, dropped)
    return matrix.samples
