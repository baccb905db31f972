"""Write the GDC's half of an archive folder: files by id, and the listings that lead to them."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from mgi_standin.files import write_json
from mgi_standin.simulation.cohort import gene_model_of, other_sample
from mgi_standin.simulation.gdc_listing import (
    Access,
    StoredFile,
    aliquots_of,
    annotation_hits,
    file_hit,
    reference_row,
    status,
    version_row,
)
from mgi_standin.simulation.genes import GeneTable
from mgi_standin.simulation.gtf import ANNOTATION_ID, ANNOTATION_NAME, encode_gtf
from mgi_standin.simulation.holdings import Holdings
from mgi_standin.simulation.identifiers import COUNT_STREAM, stream_of, uuid_of
from mgi_standin.simulation.patients import SimulatedPatient
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.star import StarWriter, draw_counts

N_MIRNA = 2  # patients with a file of another kind, which a search for RNA-seq must not return
STAR_SUFFIX = "rna_seq.augmented_star_gene_counts.tsv"
MIRNA_SUFFIX = "mirbase21.mirnas.quantification.txt"
MIRNA_CONTENT = b"miRNA_ID\tread_count\nhsa-mir-sim-1\t7\n"


class GdcFolder:
    """Takes patients one by one and keeps the listings until `close`, so that a full-width cohort fits in memory."""

    def __init__(self, settings: SimulationSettings, genes: GeneTable, key: str, folder: Path) -> None:
        self._settings, self._genes, self._key, self._folder = settings, genes, key, folder
        self._model = gene_model_of(settings)
        self._star = StarWriter(genes)
        self._hits: list[dict[str, Any]] = []
        self._versions: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._n_mirna = 0
        (folder / "data").mkdir(parents=True)

    def add(self, patient: SimulatedPatient, held: Holdings) -> None:
        """Write all files of a patient's aliquots."""
        aliquots = aliquots_of(patient.patient_id, held, self._key)
        annotations = annotation_hits(patient.patient_id, held, self._key)
        self._annotations += annotations
        recurrence = None
        for place, (aliquot, access) in enumerate(aliquots):
            tumour = patient
            if aliquot[13:15] != "01":  # 02A and 02B are samples of one recurrence
                tumour = recurrence = recurrence or other_sample(patient, self._settings, self._model)
            latest = self._write_star(tumour, aliquot, access)
            if held.superseded and place == 0:
                latest = self._supersede(latest, tumour)
            self._versions.append(version_row(latest))
            marks = [hit["annotation_id"] for hit in annotations if aliquot.startswith(hit["entity_submitter_id"])]
            self._hits.append(file_hit(latest, marks, self._key))
        if aliquots and self._n_mirna < N_MIRNA:
            self._write_mirna(aliquots[0][0])

    def close(self) -> None:
        """Write the annotation, and the listings sorted by id."""
        self._write_annotation()
        write_json(self._folder / "status.json", status())
        write_json(self._folder / "files.json", _by_id(self._hits))
        write_json(self._folder / "versions.json", _by_id(self._versions))
        write_json(self._folder / "annotations.json", _by_id(self._annotations))

    def _write_star(self, tumour: SimulatedPatient, aliquot: str, access: Access, age: str = "latest") -> StoredFile:
        rng = stream_of(self._settings, COUNT_STREAM, f"{aliquot}/{age}")
        content = self._star.encode(draw_counts(tumour.log_expression, self._genes, rng))
        file_id = self._store(content, aliquot, "star", age)
        return StoredFile(
            kind="star",
            aliquot=aliquot,
            file_id=file_id,
            file_name=f"{uuid_of(self._key, file_id, 'name')}.{STAR_SUFFIX}",
            size=len(content),
            md5=_md5(content),
            access=access,
            version="1",
            latest_id=file_id,
        )

    def _supersede(self, latest: StoredFile, tumour: SimulatedPatient) -> StoredFile:
        """Write an older version with other counts; return the latest with the version that it now has."""
        old = self._write_star(tumour, latest.aliquot, latest.access, "superseded")
        self._versions.append(version_row(replace(old, latest_id=latest.file_id)))
        return replace(latest, version="2")

    def _write_mirna(self, aliquot: str) -> None:
        file_id = self._store(MIRNA_CONTENT, aliquot, "mirna", "latest")
        file = StoredFile(
            kind="mirna",
            aliquot=aliquot,
            file_id=file_id,
            file_name=f"{uuid_of(self._key, file_id, 'name')}.{MIRNA_SUFFIX}",
            size=len(MIRNA_CONTENT),
            md5=_md5(MIRNA_CONTENT),
            access="open",
            version="1",
            latest_id=file_id,
        )
        self._n_mirna += 1
        self._hits.append(file_hit(file, [], self._key))
        self._versions.append(version_row(file))

    def _write_annotation(self) -> None:
        """A file that no search lists, as at the GDC; who knows its id can download it."""
        content = encode_gtf(self._genes)
        (self._folder / "data" / ANNOTATION_ID).write_bytes(content)
        self._versions.append(reference_row(ANNOTATION_ID, ANNOTATION_NAME, size=len(content), md5=_md5(content)))

    def _store(self, content: bytes, *names: str) -> str:
        file_id = uuid_of(self._key, *names)
        (self._folder / "data" / file_id).write_bytes(content)
        return file_id


def _by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["id"]))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
