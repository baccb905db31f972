"""Hits of /files for what the GDC has beside expression, and for distractors that a careless query returns.

Shapes: GDC API 8.5, documentation "Search and Retrieval"; values are those of data release 45, case-sensitive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mgi_standin.simulation.gdc_listing import FIRST_RELEASE, LATEST_RELEASE, PROJECT, SAMPLE_TYPE, StoredFile
from mgi_standin.simulation.identifiers import uuid_of

NORMAL_TYPE = {"10": ("Blood Derived Normal", "Peripheral Whole Blood"), "11": ("Solid Tissue Normal", "Solid Tissue")}


@dataclass(frozen=True, kw_only=True)
class Row:
    """The columns of /files for one type of data, and a pattern of file names with `{uuid}` or `{barcode}`."""

    category: str
    data_type: str
    strategy: str
    workflow: str | None
    data_format: str
    file_type: str
    name: str


_CNV, _SNV, _SNP6 = "Copy Number Variation", "Simple Nucleotide Variation", "Genotyping Array"
_ENSEMBLE = "Aliquot Ensemble Somatic Variant Merging and Masking"
ROWS = {
    "cn": Row(category=_CNV, data_type="Gene Level Copy Number", strategy=_SNP6, workflow="ASCAT3", data_format="TSV",
              file_type="copy_number_estimate", name="TCGA-LGG.{uuid}.ascat3.gene_level_copy_number.v36.tsv"),
    "mutation": Row(category=_SNV, data_type="Masked Somatic Mutation", strategy="WXS", workflow=_ENSEMBLE,
                    data_format="MAF", file_type="masked_somatic_mutation",
                    name="{uuid}.wxs.aliquot_ensemble_masked.maf.gz"),
    "methylation": Row(category="DNA Methylation", data_type="Methylation Beta Value", strategy="Methylation Array",
                       workflow="SeSAMe Methylation Beta Estimation", data_format="TXT",
                       file_type="methylation_beta_value", name="{uuid}.methylation_array.sesame.level3betas.txt"),
    "mirna": Row(category="Transcriptome Profiling", data_type="miRNA Expression Quantification", strategy="miRNA-Seq",
                 workflow="BCGSC miRNA Profiling", data_format="TXT", file_type="mirna_expression",
                 name="{uuid}.mirbase21.mirnas.quantification.txt"),
    "rppa": Row(category="Proteome Profiling", data_type="Protein Expression Quantification",
                strategy="Reverse Phase Protein Array", workflow=None, data_format="TSV",
                file_type="protein_expression", name="{barcode}_RPPA_data.tsv"),
    # Distractors: another workflow with the same data type, or another data type of the same workflow.
    "ascat2": Row(category=_CNV, data_type="Gene Level Copy Number", strategy=_SNP6, workflow="ASCAT2",
                  data_format="TSV", file_type="copy_number_estimate",
                  name="TCGA-LGG.{uuid}.gene_level_copy_number.v36.tsv"),
    "absolute": Row(category=_CNV, data_type="Gene Level Copy Number", strategy=_SNP6, workflow="ABSOLUTE LiftOver",
                    data_format="TSV", file_type="copy_number_estimate",
                    name="TCGA-LGG.{uuid}.absolute_liftover.gene_level_copy_number.v36.tsv"),
    "segments": Row(category=_CNV, data_type="Allele-specific Copy Number Segment", strategy=_SNP6, workflow="ASCAT3",
                    data_format="TXT", file_type="copy_number_segment",
                    name="TCGA-LGG.{uuid}.ascat3.allelic_specific.seg.txt"),
    "aggregated": Row(category=_SNV, data_type="Aggregated Somatic Mutation", strategy="WXS", workflow=_ENSEMBLE,
                      data_format="MAF", file_type="aggregated_somatic_mutation",
                      name="{uuid}.wxs.aliquot_ensemble_raw.maf.gz"),
    "intensities": Row(category="DNA Methylation", data_type="Masked Intensities", strategy="Methylation Array",
                       workflow="SeSAMe Methylation Beta Estimation", data_format="IDAT",
                       file_type="masked_methylation_array", name="{uuid}_noid_Grn.idat"),
    "isoforms": Row(category="Transcriptome Profiling", data_type="Isoform Expression Quantification",
                    strategy="miRNA-Seq", workflow="BCGSC miRNA Profiling", data_format="TXT",
                    file_type="mirna_expression", name="{uuid}.mirbase21.isoforms.quantification.txt"),
}  # fmt: skip
# Modality -> its distractors, and whether their access is controlled.
DISTRACTORS = {
    "cn": (("ascat2", False), ("absolute", False), ("segments", False)),
    "mutation": (("aggregated", True),),
    "methylation": (("intensities", False),),
    "mirna": (("isoforms", False),),
    "rppa": (),
}


def omics_hit(
    file: StoredFile, row: Row, barcodes: Sequence[str], annotation_ids: Sequence[str], key: str
) -> dict[str, Any]:
    """One hit with all groups expanded; `barcodes` are of the tumour, or of tumour and normal in the GDC's order."""
    patient_id = barcodes[0][:12]
    hit = {
        "id": file.file_id, "file_id": file.file_id, "file_name": file.file_name, "file_size": file.size,
        "md5sum": file.md5, "state": "released", "access": file.access, "version": file.version,
        "data_release": f"{FIRST_RELEASE} - {LATEST_RELEASE}",
        "created_datetime": "2021-12-13T20:53:42.000000-06:00", "updated_datetime": "2024-07-30T12:07:53.000000-05:00",
        "data_category": row.category, "data_type": row.data_type, "data_format": row.data_format,
        "experimental_strategy": row.strategy, "type": row.file_type,
        "analysis": {"analysis_id": uuid_of(key, file.file_id, "analysis"), "workflow_type": row.workflow},
        "associated_entities": [_entity(barcode, key) for barcode in barcodes],
        "cases": [
            {
                "case_id": uuid_of(key, patient_id), "submitter_id": patient_id,
                "project": {"project_id": PROJECT, "name": "Brain Lower Grade Glioma", "program": {"name": "TCGA"}},
                "samples": [_sample(barcode, file.preservation, key) for barcode in barcodes],
            }
        ],
    }  # fmt: skip
    if annotation_ids:
        hit["annotations"] = [{"annotation_id": annotation_id} for annotation_id in annotation_ids]
    return hit


def entity_of(barcode: str) -> tuple[str, str]:
    """Barcode and type of what was measured: an aliquot, or a portion where no analyte was drawn from it."""
    if barcode[19] == "-":
        return barcode[:19], "portion"
    return barcode, "aliquot"


def _entity(barcode: str, key: str) -> dict[str, str]:
    name, kind = entity_of(barcode)
    return {
        "case_id": uuid_of(key, barcode[:12]), "entity_id": uuid_of(key, name), "entity_submitter_id": name,
        "entity_type": kind,
    }  # fmt: skip


def _sample(barcode: str, preservation: str, key: str) -> dict[str, Any]:
    """The sample of an entity; analytes and aliquots only where there are any."""
    sample, portion, code = barcode[:16], barcode[:19], barcode[13:15]
    if code in NORMAL_TYPE:
        sample_type, specimen = NORMAL_TYPE[code]
        tissue, descriptor, kept = "Normal", "Not Applicable", "Unknown"
    else:
        (sample_type, descriptor), specimen, tissue, kept = SAMPLE_TYPE[code], "Solid Tissue", "Tumor", preservation
    part: dict[str, Any] = {"portion_id": uuid_of(key, portion), "submitter_id": portion}
    if entity_of(barcode)[1] == "aliquot":
        aliquot = {"aliquot_id": uuid_of(key, barcode), "submitter_id": barcode}
        analyte = {"D": "DNA", "R": "RNA"}[barcode[19]]
        part["analytes"] = [
            {"analyte_id": uuid_of(key, barcode[:20]), "submitter_id": barcode[:20], "analyte_type": analyte,
             "aliquots": [aliquot]}
        ]  # fmt: skip
    return {
        "sample_id": uuid_of(key, sample), "submitter_id": sample, "sample_type": sample_type, "tissue_type": tissue,
        "tumor_descriptor": descriptor, "specimen_type": specimen, "preservation_method": kept, "portions": [part],
    }  # fmt: skip


def redaction_hit(barcode: str, key: str) -> dict[str, Any]:
    """A hit of /annotations: what was measured of this barcode was withdrawn."""
    entity, kind = entity_of(barcode)
    annotation_id = uuid_of(key, entity, "annotation")
    return {
        "id": annotation_id, "annotation_id": annotation_id, "entity_type": kind, "entity_id": uuid_of(key, entity),
        "entity_submitter_id": entity, "case_id": uuid_of(key, entity[:12]), "case_submitter_id": entity[:12],
        "category": "Tumor tissue origin incorrect", "classification": "Redaction", "notes": "Simulated: withdrawn",
        "status": "Approved", "state": "released", "created_datetime": "2014-07-16T00:00:00",
        "project": {"project_id": PROJECT},
    }  # fmt: skip
