"""Write NBIA's half of an archive folder: DICOM files by series, and the listings that lead to them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mgi_standin.files import write_json
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.dicom import encode_series
from mgi_standin.simulation.holdings import Holdings
from mgi_standin.simulation.identifiers import IMAGE_STREAM, SCAN_STREAM, stream_of
from mgi_standin.simulation.nbia_listing import Access, patient_row, series_row, study_row
from mgi_standin.simulation.seg import encode_mask
from mgi_standin.simulation.series import MaskSeries, Series, Study
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.studies import plan_studies


class NbiaFolder:
    """Takes patients one by one and keeps the listings until `close`."""

    def __init__(self, settings: SimulationSettings, key: str, folder: Path) -> None:
        self._settings, self._key, self._folder = settings, key, folder
        self._patients: list[dict[str, Any]] = []
        self._studies: list[dict[str, Any]] = []
        self._series: list[dict[str, Any]] = []
        (folder / "instances").mkdir(parents=True)
        (folder / "images").mkdir()

    def add(self, patient: SimulatedPatient, held: Holdings) -> None:
        """Write all series of a patient."""
        if held.images == "none":
            return
        studies = plan_studies(patient, held, self._key, stream_of(self._settings, SCAN_STREAM, patient.patient_id))
        if held.images == "public":  # NBIA does not list what a guest may not see
            self._patients.append(patient_row(studies[0]))
            self._studies += [study_row(study) for study in studies]
        for study in studies:
            for series in study.series:
                self._write(series, study, encode_series(series, study), held.images)
            if study.mask is not None:
                self._write(study.mask, study, [encode_mask(study.mask, study)], held.images)

    def close(self) -> None:
        """Write the listings; series in the order of their UIDs, so that no patient's stand together."""
        write_json(self._folder / "patients.json", self._patients)
        write_json(self._folder / "studies.json", self._studies)
        write_json(self._folder / "series.json", sorted(self._series, key=lambda row: str(row["SeriesInstanceUID"])))

    def _write(
        self, series: Series | MaskSeries, study: Study, images: list[tuple[str, bytes]], access: Access
    ) -> None:
        """Write the images of a series in database order, which is no order of slices."""
        target = self._folder / "images" / series.uid
        target.mkdir()
        rows = []
        order = stream_of(self._settings, IMAGE_STREAM, series.uid).permutation(len(images))
        for number, place in enumerate(order.tolist(), start=1):
            uid, content = images[place]
            file = f"{number:08d}.dcm"
            (target / file).write_bytes(content)
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            rows.append({"file": file, "SOPInstanceUID": uid, "md5": md5})
        listing = json.dumps(rows, indent=1, sort_keys=True) + "\n"
        (self._folder / "instances" / f"{series.uid}.json").write_text(listing)
        size = sum(len(content) for _, content in images)
        self._series.append(series_row(series, study, n_images=len(images), size=size, access=access))
