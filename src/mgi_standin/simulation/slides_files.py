"""The slides that the simulated GDC has of its patients: one diagnostic one each, and some others beside it."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.gdc_listing import (
    FIRST_RELEASE,
    LATEST_RELEASE,
    PROJECT,
    SAMPLE_TYPE,
    ListedFile,
    StoredFile,
)
from mgi_standin.simulation.identifiers import SLIDES_HELD_STREAM, stream_of, uuid_of
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.slides import SimulatedSlide, front_of, further_slide_of, histology_of, slide_of
from mgi_standin.simulation.slides_svs import write_slide

# Share of the patients who have a further slide of this label.
FURTHER = {"DX2": 0.25, "TS1": 0.3, "BS1": 0.15}
SECTION_PIXELS = 512  # of a frozen section, and of a slide of a recurrence
SECTION_LOCATION = {"T": "TOP", "B": "BOTTOM"}
TRUTH = ("patient_id", "subtype", "front")


class Held(NamedTuple):
    """One slide: its sample (`01Z`) and portion (`00`), and its label (`DX1`)."""

    sample: str
    portion: str
    label: str

    @property
    def is_diagnostic(self) -> bool:
        """Of tissue in paraffin; else a frozen section."""
        return self.label.startswith("DX")


class SlideFiles:
    """Draws the slides of one patient after another, and collects the table of what they show."""

    def __init__(self, settings: SimulationSettings, key: str) -> None:
        self._settings, self._key = settings, key
        self._truth: list[tuple[str, ...]] = []

    def of(self, patient: SimulatedPatient, held: Availability) -> Iterator[ListedFile]:
        """All slides of a patient, the first diagnostic one first; after the last one the table has the patient's row.

        They show the same histology, with the focus on the same side.
        """
        first = slide_of(patient, self._settings)
        if held.has_slides:
            yield from self._files(patient, held, first)
        shown = histology_of(patient, self._settings)
        self._truth.append((patient.patient_id, shown.subtype, front_of(first, shown.factors)))

    def _files(self, patient: SimulatedPatient, held: Availability, first: SimulatedSlide) -> Iterator[ListedFile]:
        yield self._listed(patient.patient_id, Held("01Z", "00", "DX1"), first)
        for one in self._further(patient.patient_id, held):
            pixels = first.pixels.shape[0] if one.label == "DX2" else SECTION_PIXELS
            slide = further_slide_of(patient, self._settings, f"{one.sample}/{one.label}", first.side, pixels)
            yield self._listed(patient.patient_id, one, slide)

    def truth(self) -> str:
        """The table, tab separated: the subtype that a patient's slides show, and the class of focus and `side`."""
        return "".join("\t".join(line) + "\n" for line in (TRUTH, *sorted(self._truth)))

    def _further(self, patient_id: str, held: Availability) -> Iterator[Held]:
        rng = stream_of(self._settings, SLIDES_HELD_STREAM, patient_id)
        for label, share in FURTHER.items():
            if rng.random() < share:
                yield Held("01Z", "00", label) if label.startswith("DX") else Held("01A", "01", label)
        if any(sample.startswith("02") for sample in held.samples):
            yield Held("02Z", "00", "DX1")

    def _listed(self, patient_id: str, held: Held, slide: SimulatedSlide) -> ListedFile:
        content, barcode = _encoded(slide), f"{patient_id}-{held.sample}-{held.portion}-{held.label}"
        image = uuid_of(self._key, barcode, "image")
        stored = StoredFile(
            kind="slide",
            aliquot=barcode,
            file_id=uuid_of(self._key, barcode, "slide"),
            file_name=f"{barcode}.{image.upper() if held.is_diagnostic else image}.svs",
            size=len(content),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        )
        return ListedFile(content=content, stored=stored, hit=slide_hit(stored, held, self._key))


def slide_hit(file: StoredFile, held: Held, key: str) -> dict[str, Any]:
    """One hit of /files with all groups expanded; it has no analysis.

    Shapes: GDC API 8.5, documentation "Search and Retrieval"; values are those of data release 45, case-sensitive.
    """
    barcode, patient_id = file.aliquot, file.aliquot[:12]
    sample, portion = barcode[:16], barcode[:19]
    sample_type, descriptor = SAMPLE_TYPE[held.sample[:2]]
    slide = {"slide_id": uuid_of(key, barcode), "submitter_id": barcode}
    if not held.is_diagnostic:
        slide["section_location"] = SECTION_LOCATION[held.label[0]]
    return {
        "id": file.file_id, "file_id": file.file_id, "file_name": file.file_name, "file_size": file.size,
        "md5sum": file.md5, "state": "released", "access": file.access, "version": file.version,
        "data_release": f"{FIRST_RELEASE} - {LATEST_RELEASE}",
        "created_datetime": "2018-11-30T13:20:11.000000-06:00", "updated_datetime": "2021-10-25T20:32:41.000000-05:00",
        "data_category": "Biospecimen", "data_type": "Slide Image", "data_format": "SVS", "type": "slide_image",
        "experimental_strategy": "Diagnostic Slide" if held.is_diagnostic else "Tissue Slide",
        "associated_entities": [
            {"case_id": uuid_of(key, patient_id), "entity_id": slide["slide_id"], "entity_submitter_id": barcode,
             "entity_type": "slide"}
        ],
        "cases": [
            {
                "case_id": uuid_of(key, patient_id), "submitter_id": patient_id,
                "project": {"project_id": PROJECT, "name": "Brain Lower Grade Glioma", "program": {"name": "TCGA"}},
                "samples": [
                    {
                        "sample_id": uuid_of(key, sample), "submitter_id": sample, "sample_type": sample_type,
                        "tissue_type": "Tumor", "tumor_descriptor": descriptor, "specimen_type": "Solid Tissue",
                        "preservation_method": "FFPE" if held.is_diagnostic else "OCT",
                        "portions": [
                            {"portion_id": uuid_of(key, portion), "submitter_id": portion, "slides": [slide]}
                        ],
                    }
                ],
            }
        ],
    }  # fmt: skip


def _encoded(slide: SimulatedSlide) -> bytes:
    """The slide as the bytes of an SVS file; its writer needs a file to go back and forth in."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slide.svs"
        write_slide(path, slide)
        return path.read_bytes()
