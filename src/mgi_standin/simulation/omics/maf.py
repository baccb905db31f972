"""The GDC's masked somatic mutations of one pair of aliquots as a gzipped MAF, byte for byte.

Columns: maf-lib of the GDC, annotation gdc-2.0.0-aliquot-merged-masked, as all files of data release 32 and later have
them; most hold nothing in most rows. The lines before the header: gdc-maf-tool of the GDC.
"""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mgi_standin.simulation.genes import CHROMOSOMES

_NAMES = """
Hugo_Symbol Entrez_Gene_Id Center NCBI_Build Chromosome Start_Position End_Position Strand Variant_Classification
Variant_Type Reference_Allele Tumor_Seq_Allele1 Tumor_Seq_Allele2 dbSNP_RS dbSNP_Val_Status Tumor_Sample_Barcode
Matched_Norm_Sample_Barcode Match_Norm_Seq_Allele1 Match_Norm_Seq_Allele2 Tumor_Validation_Allele1
Tumor_Validation_Allele2 Match_Norm_Validation_Allele1 Match_Norm_Validation_Allele2 Verification_Status
Validation_Status Mutation_Status Sequencing_Phase Sequence_Source Validation_Method Score BAM_File Sequencer
Tumor_Sample_UUID Matched_Norm_Sample_UUID HGVSc HGVSp HGVSp_Short Transcript_ID Exon_Number t_depth t_ref_count
t_alt_count n_depth n_ref_count n_alt_count all_effects Allele Gene Feature Feature_type One_Consequence Consequence
cDNA_position CDS_position Protein_position Amino_acids Codons Existing_variation DISTANCE TRANSCRIPT_STRAND SYMBOL
SYMBOL_SOURCE HGNC_ID BIOTYPE CANONICAL CCDS ENSP SWISSPROT TREMBL UNIPARC UNIPROT_ISOFORM RefSeq MANE APPRIS FLAGS SIFT
PolyPhen EXON INTRON DOMAINS 1000G_AF 1000G_AFR_AF 1000G_AMR_AF 1000G_EAS_AF 1000G_EUR_AF 1000G_SAS_AF ESP_AA_AF
ESP_EA_AF gnomAD_AF gnomAD_AFR_AF gnomAD_AMR_AF gnomAD_ASJ_AF gnomAD_EAS_AF gnomAD_FIN_AF gnomAD_NFE_AF gnomAD_OTH_AF
gnomAD_SAS_AF MAX_AF MAX_AF_POPS gnomAD_non_cancer_AF gnomAD_non_cancer_AFR_AF gnomAD_non_cancer_AMI_AF
gnomAD_non_cancer_AMR_AF gnomAD_non_cancer_ASJ_AF gnomAD_non_cancer_EAS_AF gnomAD_non_cancer_FIN_AF
gnomAD_non_cancer_MID_AF gnomAD_non_cancer_NFE_AF gnomAD_non_cancer_OTH_AF gnomAD_non_cancer_SAS_AF
gnomAD_non_cancer_MAX_AF_adj gnomAD_non_cancer_MAX_AF_POPS_adj CLIN_SIG SOMATIC PUBMED TRANSCRIPTION_FACTORS MOTIF_NAME
MOTIF_POS HIGH_INF_POS MOTIF_SCORE_CHANGE miRNA IMPACT PICK VARIANT_CLASS TSL HGVS_OFFSET PHENO GENE_PHENO CONTEXT
tumor_bam_uuid normal_bam_uuid case_id GDC_FILTER COSMIC hotspot RNA_Support RNA_depth RNA_ref_count RNA_alt_count
callers
"""
MAF_COLUMNS = tuple(_NAMES.split())


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two aliquots that were compared, by barcode and UUID, and their case's UUID."""

    tumour: str
    normal: str
    tumour_id: str
    normal_id: str
    case_id: str


def encode_maf(rows: Iterable[Mapping[str, str]], pair: Pair) -> bytes:
    """The whole file; rows (column -> text) stand in the order given, and a column that a row lacks is empty."""
    head = (
        "#version gdc-1.0.0",
        "#annotation.spec gdc-2.0.0-aliquot-merged-masked",
        f"#contigs {','.join(CHROMOSOMES)}",
        "#sort.order BarcodesAndCoordinate",
        "#filedate 20220113",
        f"#normal.aliquot {pair.normal_id}",
        f"#tumor.aliquot {pair.tumour_id}",
    )
    always = {
        "Center": "BI", "NCBI_Build": "GRCh38", "Strand": "+", "Mutation_Status": "Somatic",
        "Sequencer": "Illumina HiSeq 2000", "Tumor_Sample_Barcode": pair.tumour,
        "Matched_Norm_Sample_Barcode": pair.normal, "Tumor_Sample_UUID": pair.tumour_id,
        "Matched_Norm_Sample_UUID": pair.normal_id, "case_id": pair.case_id, "RNA_Support": "Unknown",
    }  # fmt: skip
    lines = ["\t".join(MAF_COLUMNS)]
    for row in rows:
        whole = {**always, **row}
        lines.append("\t".join([whole.get(column, "") for column in MAF_COLUMNS]))
    return gzip.compress(("\n".join([*head, *lines]) + "\n").encode(), compresslevel=6, mtime=0)
