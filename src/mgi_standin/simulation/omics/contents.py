"""The bytes of the files of all modalities; what is common to all patients is drawn once."""

import numpy as np
import pandas as pd

from mgi_standin.simulation.identifiers import OMICS_MODEL_STREAM, OMICS_STREAM, stream_of, uuid_of
from mgi_standin.simulation.omics import methylation, mirna, rppa
from mgi_standin.simulation.omics.availability import OmicsAvailability
from mgi_standin.simulation.omics.barcodes import normal_barcode
from mgi_standin.simulation.omics.copy_number import CopyNumberWriter, as_measured, copy_number_genes, draw_copies
from mgi_standin.simulation.omics.drivers import draw_drivers
from mgi_standin.simulation.omics.maf import Pair, encode_maf
from mgi_standin.simulation.omics.tumour import Tumour
from mgi_standin.simulation.omics.variants import draw_variants, variant_model
from mgi_standin.simulation.settings import Omics, SimulationSettings


class Contents:
    """Encodes files; a tumour's properties come from the random stream of the tumour, noise from the aliquot's."""

    def __init__(self, settings: SimulationSettings, genes: pd.DataFrame, key: str) -> None:
        self._settings, self._key = settings, key
        self._copy_genes = copy_number_genes(genes, self._model_stream("cn"))
        self._copy_writer = CopyNumberWriter(self._copy_genes)
        self._variants = variant_model(genes)
        self._probes = methylation.methylation_model(self._model_stream("methylation"))
        self._mirnas = mirna.mirna_model(self._model_stream("mirna"))
        self._antibodies = rppa.rppa_model(self._model_stream("rppa"))

    def encode(self, modality: Omics, tumour: Tumour, held: OmicsAvailability, barcode: str) -> bytes:
        """The whole file of an aliquot (or portion) of a tumour."""
        rng = self._stream(f"{tumour.name}/{modality}")
        measured = self._stream(f"{barcode}/{modality}")
        if modality == "cn":
            return self.encode_copies(tumour, rng, measured)
        if modality == "mutation":
            return self._encode_variants(tumour, held, barcode, rng)
        if modality == "methylation":
            betas = methylation.draw_betas(tumour, self._probes, rng, measured)
            return methylation.encode_betas(betas, self._probes.probes)
        if modality == "mirna":
            return mirna.encode_reads(mirna.draw_reads(tumour, self._mirnas, rng, measured), self._mirnas)
        levels = rppa.draw_levels(tumour, self._antibodies, rng, measured)
        return rppa.encode_levels(levels, self._antibodies, old_panel=held.old_panel)

    def encode_distractor(self, row: str, tumour: Tumour, barcode: str) -> bytes:
        """A file that a query for the modality must not return: copy numbers of another workflow, or a line of text."""
        if row in ("ascat2", "absolute"):
            return self.encode_copies(tumour, self._stream(f"{tumour.name}/{row}"), self._stream(f"{barcode}/{row}"))
        return f"simulated {row}\n".encode()

    def encode_copies(self, tumour: Tumour, rng: np.random.Generator, measured: np.random.Generator) -> bytes:
        """Gene-level copy numbers; workflows differ in the random changes."""
        drawn = draw_copies(tumour, self._copy_genes, rng)
        return self._copy_writer.encode(as_measured(drawn, self._copy_genes, measured))

    def _encode_variants(
        self, tumour: Tumour, held: OmicsAvailability, barcode: str, rng: np.random.Generator
    ) -> bytes:
        patient_id, rows = tumour.patient_id, []
        if not held.no_variants:
            drivers = draw_drivers(tumour, self._stream(f"{patient_id}/driver changes"))  # of the clone
            rows = draw_variants(tumour, self._variants, drivers, rng, hypermutated=held.hypermutated)
        normal = normal_barcode(patient_id, "mutation", self._key)
        pair = Pair(
            tumour=barcode,
            normal=normal,
            tumour_id=uuid_of(self._key, barcode),
            normal_id=uuid_of(self._key, normal),
            case_id=uuid_of(self._key, patient_id),
        )
        return encode_maf(rows, pair)

    def _stream(self, name: str) -> np.random.Generator:
        return stream_of(self._settings, OMICS_STREAM, name)

    def _model_stream(self, name: str) -> np.random.Generator:
        return stream_of(self._settings, OMICS_MODEL_STREAM, name)
