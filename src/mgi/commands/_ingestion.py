"""The source that a configuration names, put together: service, choice of FLAIR, reader of tables.

Not a command (the leading underscore hides it from the command line).
"""

import dataclasses
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from mgi.archive.server import serve
from mgi.core.errors import ConfigError
from mgi.expression.matrix import read_labelled_matrix
from mgi.imaging.codecs import register_decoders
from mgi.imaging.flair import choose_flair, confirm_flair
from mgi.imaging.nifti import count_slices
from mgi.sources.credentials import gdc_credential, tcia_credential
from mgi.sources.dicom_folder import DicomImages
from mgi.sources.gdc import GdcExpression
from mgi.sources.general_commons import read_commons_manifest
from mgi.sources.kaggle import KaggleImages
from mgi.sources.lock import ExpressionItem, ExpressionLock, ImageItem, ImageLock
from mgi.sources.matrix import MatrixExpression
from mgi.sources.nifti import NiftiImages
from mgi.sources.patient_names import read_patient_names
from mgi.sources.protocol import Source
from mgi.sources.retry import RetryPolicy
from mgi.sources.service import Service, open_service
from mgi.sources.settings import ExpressionSettings, ImageSettings
from mgi.sources.tcia import TciaImages
from mgi.sources.tcia_manifest import SeriesManifest, read_tcia_manifest

ExpressionSource = Source[ExpressionItem, ExpressionLock]
ImageSource = Source[ImageItem, ImageLock]

NBIA_PATH = "/nbia-api/services/v4"


def add_source_options(parser: ArgumentParser) -> None:
    """The options that say where a source's data lies on this machine."""
    parser.add_argument("--settings", required=True, help="one section of the configuration, as JSON")
    parser.add_argument("--archive", help="folder of a simulated archive, served locally instead of the real services")
    parser.add_argument("--table", help="the user's own file or folder (overrides the one in the settings)")


@contextmanager
def expression_source(
    chosen: ExpressionSettings, *, archive: str | None = None, table: str | None = None
) -> Iterator[ExpressionSource]:
    """The source of gene expression; a simulated archive is served while the block runs."""
    if chosen.source == "matrix":
        path = table or chosen.table
        yield MatrixExpression(table=Path(path) if path else None, labels_of=_sample_labels)
        return
    with _service(archive, "", chosen) as service:
        if archive is None:  # a token is for the real archive's host, never for the simulated one
            service = dataclasses.replace(service, credential=gdc_credential(os.environ))
        yield GdcExpression(service=service, project=chosen.project, simulated=archive is not None)


@contextmanager
def image_source(
    chosen: ImageSettings, *, archive: str | None = None, table: str | None = None
) -> Iterator[ImageSource]:
    """The source of images and masks; a simulated archive is served while the block runs."""
    register_decoders()
    if chosen.source != "tcia":
        yield _own_images(chosen, table)
        return
    manifest = _series_manifest(chosen)
    with _service(archive, NBIA_PATH, chosen) as service:
        if archive is None:
            service = dataclasses.replace(service, credential=tcia_credential(os.environ, service))
        yield TciaImages(
            service=service,
            collection=chosen.collection,
            choose=partial(choose_flair, min_images=chosen.min_images),
            confirm=confirm_flair,
            manifest=manifest,
            patients=read_patient_names(Path(chosen.patients) if chosen.patients else None),
            simulated=archive is not None,
        )


def _own_images(chosen: ImageSettings, table: str | None) -> ImageSource:
    """The source of images that the user has on disk."""
    path = table or (chosen.archive if chosen.source == "kaggle" else chosen.folder)
    place = Path(path) if path else None
    if chosen.source == "kaggle":
        return KaggleImages(archive=place)
    if chosen.source == "nifti":
        return NiftiImages(folder=place, count_slices=count_slices)
    is_table = chosen.manifest is not None and chosen.manifest.lower().endswith(".csv")
    return DicomImages(
        folder=place,
        choose=partial(choose_flair, min_images=chosen.min_images),
        confirm=confirm_flair,
        count_slices=count_slices,
        patients=read_patient_names(Path(chosen.patients) if chosen.patients else None),
        manifest=None if is_table else _series_manifest(chosen),
        commons=read_commons_manifest(Path(chosen.manifest)) if is_table and chosen.manifest else (),
    )


def _series_manifest(chosen: ImageSettings) -> SeriesManifest | None:
    return read_tcia_manifest(Path(chosen.manifest)) if chosen.manifest else None


@contextmanager
def gdc_service(chosen: ExpressionSettings, *, archive: str | None = None) -> Iterator[Service]:
    """The GDC, for a file that belongs to no source; a simulated archive is served while the block runs."""
    with _service(archive, "", chosen) as service:
        yield service


@contextmanager
def _service(archive: str | None, path: str, chosen: ExpressionSettings | ImageSettings) -> Iterator[Service]:
    """A client of the real service, or of the simulated archive under `path` of a local server."""
    with _base_url(archive, path, chosen.base_url) as url:
        policy = RetryPolicy(base_s=chosen.retry_base_s)
        service = open_service(url, connections=chosen.threads, policy=policy)
        with closing(service.session):
            yield service


@contextmanager
def _base_url(archive: str | None, path: str, real: str) -> Iterator[str]:
    if archive is None:
        yield real
        return
    if not (Path(archive) / "archive.json").is_file():
        raise ConfigError(f"{archive}: no archive.json, so the simulated archive is not complete; run simulate first")
    with serve(Path(archive)) as server:
        yield server.url.rstrip("/") + path


def _sample_labels(path: Path) -> list[str]:
    matrix = read_labelled_matrix(path)
    samples, genes = matrix.values.shape
    ignored = f"; columns not used: {', '.join(matrix.ignored)}" if matrix.ignored else ""
    dropped = "".join(f"; {len(names)} left out: {reason}" for reason, names in matrix.dropped.items())
    named = f"{genes} genes by {matrix.gene_labels}"
    print(f"{path.name}: read as {matrix.layout}, {samples} samples, {named}{ignored}{dropped}")
    return matrix.samples
