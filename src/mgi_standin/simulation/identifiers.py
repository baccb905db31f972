"""Identifiers that are the same whenever the same archive is written again."""

import hashlib
import json
import uuid

import numpy as np
import pandas as pd

from mgi_standin.simulation.settings import SimulationSettings

# One random stream per kind of content, apart from those of the cohort itself (below 10).
COUNT_STREAM, AVAILABILITY_STREAM, SCAN_STREAM, IMAGE_STREAM, CLINICAL_STREAM = 12, 13, 14, 15, 16
OMICS_STREAM, OMICS_AVAILABILITY_STREAM, OMICS_MODEL_STREAM, SLIDES_HELD_STREAM = 17, 18, 19, 20
IMAGES_HELD_STREAM = 23
# Settings that add files and change none.
ADDING = ("omics", "missing", "slides")


def archive_key(settings: SimulationSettings, genes: pd.DataFrame) -> str:
    """What all identifiers of an archive derive from: other settings or genes share no identifier with it.

    Only `omics`, `missing` and `slides` count for nothing: they add files and leave files out, and change none.
    """
    stated = {name: value for name, value in settings.stated().items() if name not in ADDING}
    named = "\n".join([json.dumps(stated, sort_keys=True), *genes["gene_id"]])
    return hashlib.sha256(named.encode()).hexdigest()


def uuid_of(key: str, *names: str) -> str:
    """A UUID as the GDC gives to files, cases and aliquots."""
    return str(uuid.UUID(hashlib.md5("/".join((key, *names)).encode(), usedforsecurity=False).hexdigest(), version=4))


def uid_of(key: str, *names: str) -> str:
    """A DICOM UID derived from a UUID (DICOM PS3.5 B.2), so that it claims no institution's root."""
    return f"2.25.{uuid.UUID(uuid_of(key, *names)).int}"


def stream_of(settings: SimulationSettings, stream: int, name: str = "") -> np.random.Generator:
    """The random stream of one sample, series or patient, whatever was drawn before."""
    return np.random.default_rng([settings.seed, stream, *name.encode()])
