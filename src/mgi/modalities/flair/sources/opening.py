"""The source of images and masks that a configuration names, put together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mgi.http.credentials import tcia_credential
from mgi.locks.lock import Lock
from mgi.locks.source import Source
from mgi.modalities.fetching import Serve
from mgi.modalities.flair.sequence import FLAIR, MASK
from mgi.modalities.flair.settings import FlairSettings
from mgi.modalities.flair.sources.kaggle import KaggleImages
from mgi.modalities.flair.sources.tcia import TciaImages
from mgi.modalities.flair.sources.user_lists import named, read_commons_manifest, read_patient_names, read_tcia_manifest


@contextmanager
def open_source(chosen: FlairSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of images and masks; a simulated archive is served while the block runs."""
    if chosen.source != "tcia":
        yield _own_images(chosen, table)
        return
    manifest = read_tcia_manifest(Path(chosen.manifest)) if chosen.manifest else None
    with serve(archive, "/nbia-api/services/v4", chosen.base_url, chosen) as service:
        if archive is None:
            service = replace(service, credential=tcia_credential(os.environ, service))
        yield TciaImages(
            service=service,
            collection=chosen.collection,
            min_images=chosen.min_images,
            manifest=manifest,
            patients=read_patient_names(chosen.patients),
            simulated=archive is not None,
        )


def _own_images(chosen: FlairSettings, table: str | None) -> Source:
    """The source of images that the user has on disk."""
    path = table or (chosen.archive if chosen.source == "kaggle" else chosen.folder)
    place = Path(path) if path else None
    if chosen.source == "kaggle":
        return KaggleImages(archive=place)
    from mgi.modalities.flair.sources.dicom_folder import DicomImages  # a download needs no nibabel
    from mgi.modalities.flair.sources.nifti import NiftiImages

    if chosen.source == "nifti":
        return NiftiImages(folder=place)
    manifest = Path(chosen.manifest) if chosen.manifest else None
    is_table = manifest is not None and manifest.suffix.lower() == ".csv"
    return DicomImages(
        folder=place,
        min_images=chosen.min_images,
        patients=read_patient_names(chosen.patients),
        manifest=read_tcia_manifest(manifest) if manifest and not is_table else None,
        commons=read_commons_manifest(manifest) if manifest and is_table else (),
    )


def summary(lock: Lock) -> list[str]:
    """How many series are chosen, and who has a FLAIR and no mask."""
    n_flair, n_mask = (sum(item.role == role for item in lock.chosen) for role in (FLAIR, MASK))
    answered = f" by NBIA {lock.release}" if lock.release is not None else ""
    lines = [f"{len(lock.items)} series{answered}, {n_flair} FLAIR and {n_mask} mask series chosen"]
    masked = {item.patient_id for item in lock.chosen if MASK in (item.role, *item.holds)}
    if bare := sorted({item.patient_id for item in lock.chosen} - masked):
        lines.append(f"{len(bare)} patients with FLAIR have no mask: {named(bare)}")
    return lines
