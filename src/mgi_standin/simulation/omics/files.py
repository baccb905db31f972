"""All files of a patient beside expression, each with its hit of /files and its annotation."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.cohort import SimulatedPatient, gene_model_of, other_sample
from mgi_standin.simulation.gdc_listing import Access, ListedFile, StoredFile
from mgi_standin.simulation.identifiers import uuid_of
from mgi_standin.simulation.omics.availability import OmicsAvailability, draw_omics_availability
from mgi_standin.simulation.omics.barcodes import normal_barcode, tumour_barcode
from mgi_standin.simulation.omics.contents import Contents
from mgi_standin.simulation.omics.listing import DISTRACTORS, ROWS, Row, omics_hit, redaction_hit
from mgi_standin.simulation.omics.tumour import TRUTH, Tumour, draw_tumour, truth_row
from mgi_standin.simulation.settings import Omics, SimulationSettings

PAIRED = ("cn", "mutation")
N_DISTRACTED = 3  # the first patients have distractor files, whether or not they have the modality


class OmicsFiles:
    """Draws the files of one patient after another, and collects the table of their molecular classes."""

    def __init__(
        self,
        settings: SimulationSettings,
        genes: pd.DataFrame,
        key: str,
        subtypes: Mapping[str, str],
        held: Mapping[str, Availability],
    ) -> None:
        self._settings, self._key, self._held = settings, key, held
        self._contents = Contents(settings, genes, key)
        self._available = draw_omics_availability(subtypes, held, settings)
        self._model = gene_model_of(settings)
        self._truth: list[tuple[str, ...]] = []

    def of(self, patient: SimulatedPatient) -> Iterator[ListedFile]:
        """All files of a patient, modality by modality; after the last one the table has the patient's row."""
        held = self._available[patient.patient_id]
        tumours = self._tumours(patient, held)
        for modality in self._settings.omics:
            if modality not in held.without:
                yield from self._of_modality(modality, tumours, held)
            if len(self._truth) < N_DISTRACTED:
                yield from self._distractors(modality, *next(iter(tumours.items())))
        primary = next((tumour for sample, tumour in tumours.items() if sample.startswith("01")), None)
        withdrawn = held.redacted or self._held[patient.patient_id].annotation == "redacted"
        usable = [one for one in self._settings.omics if primary and not withdrawn and one not in held.without]
        self._truth.append(
            truth_row(primary or draw_tumour(patient, held, self._settings), self._settings.omics, usable)
        )

    def truth(self) -> str:
        """The table, tab separated: classes of each patient, and which modalities have a usable primary file."""
        lines = [(*TRUTH, *self._settings.omics), *sorted(self._truth)]
        return "".join("\t".join(line) + "\n" for line in lines)

    def _tumours(self, patient: SimulatedPatient, held: OmicsAvailability) -> dict[str, Tumour]:
        """Sample -> its tumour; all samples of a recurrence share one."""
        tumours = {}
        for sample in held.samples:
            again = not sample.startswith("01")
            whose = other_sample(patient, self._settings, self._model) if again else patient
            tumours[sample] = draw_tumour(whose, held, self._settings, "/recurrence" if again else "")
        return tumours

    def _of_modality(
        self, modality: Omics, tumours: Mapping[str, Tumour], held: OmicsAvailability
    ) -> Iterator[ListedFile]:
        for place, (sample, tumour) in enumerate(tumours.items()):
            preservation = "FFPE" if sample in held.fixed else "Unknown"
            for again in range(2 if held.second_aliquot and place == 0 else 1):
                barcode = tumour_barcode(tumour.patient_id, sample, modality, self._key, again)
                content = self._contents.encode(modality, tumour, held, barcode)
                yield self._file(content, ROWS[modality], modality, barcode, preservation, redacted=held.redacted)

    def _distractors(self, modality: Omics, sample: str, tumour: Tumour) -> Iterator[ListedFile]:
        barcode = tumour_barcode(tumour.patient_id, sample, modality, self._key)
        for name, controlled in DISTRACTORS[modality]:
            content = self._contents.encode_distractor(name, tumour, barcode)
            access: Access = "controlled" if controlled else "open"
            yield self._file(content, ROWS[name], modality, barcode, "Unknown", access=access)

    def _file(
        self,
        content: bytes,
        row: Row,
        modality: Omics,
        barcode: str,
        preservation: str,
        *,
        access: Access = "open",
        redacted: bool = False,
    ) -> ListedFile:
        file_id = uuid_of(self._key, barcode, row.data_type, row.workflow or "none")
        stored = StoredFile(
            kind="omics",
            aliquot=barcode,
            file_id=file_id,
            file_name=row.name.format(uuid=uuid_of(self._key, file_id, "name"), barcode=barcode),
            size=len(content),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            access=access,
            preservation=preservation,
        )
        annotation = redaction_hit(barcode, self._key) if redacted else None
        marks = [annotation["annotation_id"]] if annotation else []
        hit = omics_hit(stored, row, self._entities(modality, barcode, file_id), marks, self._key)
        return ListedFile(content=content, stored=stored, hit=hit, annotation=annotation)

    def _entities(self, modality: Omics, barcode: str, file_id: str) -> Sequence[str]:
        """Barcodes of the file; in a pair the tumour or the normal tissue comes first."""
        if modality not in PAIRED:
            return (barcode,)
        pair = (barcode, normal_barcode(barcode[:12], modality, self._key))
        return pair if int(file_id[0], 16) % 2 else pair[::-1]
