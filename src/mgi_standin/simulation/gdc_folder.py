"""Write the GDC's half of an archive folder: files by id, and the listings that lead to them."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mgi_standin.files import write_json
from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.cohort import SimulatedPatient, gene_model_of, other_sample
from mgi_standin.simulation.gdc_listing import (
    Access,
    Kind,
    ListedFile,
    StoredFile,
    aliquots_of,
    annotation_hits,
    file_hit,
    status,
    version_row,
)
from mgi_standin.simulation.genes import ANNOTATION_ID, ANNOTATION_NAME, encode_gtf
from mgi_standin.simulation.identifiers import COUNT_STREAM, stream_of, uuid_of
from mgi_standin.simulation.omics.files import OmicsFiles
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.slides_files import SlideFiles
from mgi_standin.simulation.star import StarWriter, draw_counts

N_MIRNA = 2  # patients with a file of another kind, which a search for RNA-seq must not return
SUFFIX = {"star": "rna_seq.augmented_star_gene_counts.tsv", "mirna": "mirbase21.mirnas.quantification.txt"}
MIRNA_CONTENT = b"miRNA_ID\tread_count\nhsa-mir-sim-1\t7\n"


class GdcFolder:
    """Takes patients one by one and keeps the listings until `close`, so that a full-width cohort fits in memory."""

    def __init__(
        self,
        settings: SimulationSettings,
        genes: pd.DataFrame,
        key: str,
        folder: Path,
        omics: OmicsFiles | None = None,
        slides: SlideFiles | None = None,
    ) -> None:
        self._settings, self._genes, self._key, self._folder = settings, genes, key, folder
        self._omics, self._slides = omics, slides
        self._model = gene_model_of(settings)
        self._star = StarWriter(genes)
        self._hits: list[dict[str, Any]] = []
        self._versions: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._n_mirna = 0
        (folder / "data").mkdir(parents=True)

    def add(self, patient: SimulatedPatient, held: Availability) -> None:
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
            if aliquot[13:16] in held.fixed:
                latest = replace(latest, preservation="FFPE")
            if held.superseded and place == 0:
                latest = self._supersede(latest, tumour)
            self._versions.append(version_row(latest))
            marks = [hit["annotation_id"] for hit in annotations if aliquot.startswith(hit["entity_submitter_id"])]
            self._hits.append(file_hit(latest, marks, self._key))
        if aliquots and self._n_mirna < N_MIRNA and "mirna" not in self._settings.omics:
            self._write_mirna(aliquots[0][0])
        if self._omics is not None:
            self._add_all(self._omics.of(patient))
        if self._slides is not None:
            self._add_all(self._slides.of(patient, held))

    def add_cases(self, hits: list[dict[str, Any]]) -> None:
        """Write what is told of the patients themselves, sorted by id."""
        write_json(self._folder / "cases.json", sorted(hits, key=lambda hit: str(hit["id"])))

    def close(self) -> None:
        """Write the annotation, and the listings sorted by id."""
        # The annotation of genes: no search lists it, as at the GDC; who knows its id can download it.
        reference = self._store(
            encode_gtf(self._genes), kind="reference", aliquot="", file_id=ANNOTATION_ID, file_name=ANNOTATION_NAME
        )
        self._versions.append(version_row(reference))
        write_json(self._folder / "status.json", status())
        tables = {"files": self._hits, "versions": self._versions, "annotations": self._annotations}
        for name, rows in tables.items():
            write_json(self._folder / f"{name}.json", sorted(rows, key=lambda row: str(row["id"])))

    def _add_all(self, files: Iterable[ListedFile]) -> None:
        for file in files:
            (self._folder / "data" / file.stored.file_id).write_bytes(file.content)
            self._hits.append(file.hit)
            self._versions.append(version_row(file.stored))
            if file.annotation is not None:
                self._annotations.append(file.annotation)

    def _write_star(self, tumour: SimulatedPatient, aliquot: str, access: Access, age: str = "latest") -> StoredFile:
        rng = stream_of(self._settings, COUNT_STREAM, f"{aliquot}/{age}")
        content = self._star.encode(draw_counts(tumour.log_expression, self._genes, rng))
        return self._write("star", content, aliquot, access, age)

    def _supersede(self, latest: StoredFile, tumour: SimulatedPatient) -> StoredFile:
        """Write an older version with other counts; return the latest with the version that it now has."""
        old = self._write_star(tumour, latest.aliquot, latest.access, "superseded")
        self._versions.append(version_row(replace(old, superseded_by=latest.file_id)))
        return replace(latest, version="2")

    def _write_mirna(self, aliquot: str) -> None:
        file = self._write("mirna", MIRNA_CONTENT, aliquot, "open", "latest")
        self._n_mirna += 1
        self._hits.append(file_hit(file, [], self._key))
        self._versions.append(version_row(file))

    def _write(self, kind: Kind, content: bytes, aliquot: str, access: Access, age: str) -> StoredFile:
        file_id = uuid_of(self._key, aliquot, kind, age)
        name = f"{uuid_of(self._key, file_id, 'name')}.{SUFFIX[kind]}"
        return self._store(content, kind=kind, aliquot=aliquot, file_id=file_id, file_name=name, access=access)

    def _store(self, content: bytes, **about: Any) -> StoredFile:
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        file = StoredFile(**about, size=len(content), md5=md5)
        (self._folder / "data" / file.file_id).write_bytes(content)
        return file
