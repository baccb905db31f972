"""The source of gene expression that a configuration names, put together.

Not a command (the leading underscore hides it from the command line).
"""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.commands._service import service_for
from mgi.http.credentials import gdc_credential
from mgi.http.service import Service
from mgi.locks.lock import ExpressionItem, ExpressionLock
from mgi.locks.source import Source
from mgi.modalities.rna.settings import RnaSettings
from mgi.modalities.rna.sources.gdc import GdcExpression
from mgi.modalities.rna.sources.matrix import MatrixExpression

ExpressionSource = Source[ExpressionItem, ExpressionLock]


@contextmanager
def expression_source(
    chosen: RnaSettings, *, archive: str | None = None, table: str | None = None
) -> Iterator[ExpressionSource]:
    """The source of gene expression; a simulated archive is served while the block runs."""
    if chosen.source == "matrix":
        path = table or chosen.table
        yield MatrixExpression(table=Path(path) if path else None, labels_of=_sample_labels)
        return
    with service_for(archive, "", chosen) as service:
        if archive is None:  # a token is for the real archive's host, never for the simulated one
            service = dataclasses.replace(service, credential=gdc_credential(os.environ))
        yield GdcExpression(service=service, project=chosen.project, simulated=archive is not None)


@contextmanager
def gdc_service(chosen: RnaSettings, *, archive: str | None = None) -> Iterator[Service]:
    """The GDC, for a file that belongs to no source; a simulated archive is served while the block runs."""
    with service_for(archive, "", chosen) as service:
        yield service


def _sample_labels(path: Path) -> list[str]:
    from mgi.modalities.rna.matrix import (
        read_labelled_matrix,  # a download needs no pandas, which takes a second to load
    )

    matrix = read_labelled_matrix(path)
    samples, genes = matrix.values.shape
    ignored = f"; columns not used: {', '.join(matrix.ignored)}" if matrix.ignored else ""
    dropped = "".join(f"; {len(names)} left out: {reason}" for reason, names in matrix.dropped.items())
    named = f"{genes} genes by {matrix.gene_labels}"
    print(f"{path.name}: read as {matrix.layout}, {samples} samples, {named}{ignored}{dropped}")
    return matrix.samples
