"""Three files each of all that the GDC has beside expression, for the archive of the matrix, as the GDC lists them."""

import gzip
import hashlib
import random
from typing import Any, NamedTuple

PATIENTS = ("TCGA-CS-4938", "TCGA-DU-6407", "TCGA-HT-7473")
OTHER_DIGITS = bytes.maketrans(b"0123456789", b"1234567890")
SAID_OF_OTHER = {
    "methylation": r"rejected, line 1: beta of ch11\d+: found 1\.\d+, expected a number from 0 to 1",
    "mirna": r"rejected, line \d+: reads_per_million_miRNA_mapped: found .* reads, expected",
    "rppa": "3 items of batch 1-of-1 in place",
    "cn": r"rejected, line \d+: found start \d+ and end",
    "mutation": r"rejected, damaged gzip",
}
"""What is said of the first file where each of its digits is another; levels of proteins are then other levels."""


class Kind(NamedTuple):
    """How the GDC files a kind of data, and how a fetched file's name ends."""

    category: str
    data_type: str
    strategy: str
    workflow: str | None
    suffix: str


KINDS = {
    "methylation": Kind("DNA Methylation", "Methylation Beta Value", "Methylation Array",
                        "SeSAMe Methylation Beta Estimation", ".level3betas.txt"),
    "mirna": Kind("Transcriptome Profiling", "miRNA Expression Quantification", "miRNA-Seq", "BCGSC miRNA Profiling",
                  ".mirnas.quantification.txt"),
    "rppa": Kind("Proteome Profiling", "Protein Expression Quantification", "Reverse Phase Protein Array", None,
                 ".RPPA_data.tsv"),
    "cn": Kind("Copy Number Variation", "Gene Level Copy Number", "Genotyping Array", "ASCAT3",
               ".gene_level_copy_number.tsv"),
    "mutation": Kind("Simple Nucleotide Variation", "Masked Somatic Mutation", "WXS",
                     "Aliquot Ensemble Somatic Variant Merging and Masking", ".maf.gz"),
}  # fmt: skip


def ids_of(modality: str) -> tuple[str, ...]:
    """The files of a modality, in the order of the patients; the first of them goes wrong."""
    first = "abcde"[list(KINDS).index(modality)]
    return tuple(f"{first}{digit * 7}-0000-4000-8000-000000000000" for digit in "123")


def content_of(modality: str, file_id: str) -> bytes:
    """About 40 kB that the reader takes, and that does not pack to nothing."""
    digits = random.Random(file_id)
    if modality == "methylation":
        return "".join(f"ch0{n:07d}\t0.{digits.randrange(10**15):015d}\n" for n in range(1300)).encode()
    if modality == "mirna":
        reads = [digits.randrange(1, 10**6) for _ in range(1000)]
        rows = (f"mir-{n}\t{count}\t{count * 1e6 / sum(reads):.6f}\tN\n" for n, count in enumerate(reads))
        return ("miRNA_ID\tread_count\treads_per_million_miRNA_mapped\tcross-mapped\n" + "".join(rows)).encode()
    if modality == "cn":
        return _copies(digits)
    if modality == "mutation":
        return _variants(digits, PATIENTS[ids_of(modality).index(file_id)])
    rows = (f"AG{n:05d}\t{n}\tx-{n}\tOld\tP{n}\t{digits.gauss(0, 1):.12f}\n" for n in range(900))
    return ("AGID\tlab_id\tcatalog_number\tset_id\tpeptide_target\tprotein_expression\n" + "".join(rows)).encode()


def _copies(digits: random.Random) -> bytes:
    header = "gene_id\tgene_name\tchromosome\tstart\tend\tcopy_number\tmin_copy_number\tmax_copy_number\n"
    rows = []
    for n in range(700):
        start, copies = digits.randrange(1, 10**8), digits.randrange(1, 5)
        rows.append(f"ENSG{n:011d}.5\tG{n}\tchr1\t{start}\t{start + 900}" + f"\t{copies}" * 3 + "\n")
    return (header + "".join(rows)).encode()


def _variants(digits: random.Random, patient: str) -> bytes:
    """Packed without compression, so that its size is that of the text."""
    header = "Hugo_Symbol\tGene\tVariant_Classification\tHGVSp_Short\tTumor_Sample_Barcode\n"
    rows = (
        f"G{n}\tENSG{n:011d}\tMissense_Mutation\tp.R{digits.randrange(10**9)}H\t{patient}-01A-11D-1896-05\n"
        for n in range(500)
    )
    return gzip.compress(("#version gdc-1.0.0\n" + header + "".join(rows)).encode(), 0, mtime=0)


def files_of(modality: str, *, other: bool) -> dict[str, bytes]:
    """Path -> bytes of a complete fetch; `other`: the first file in another version."""
    contents = [content_of(modality, file_id) for file_id in ids_of(modality)]
    if other:
        contents[0] = contents[0].translate(OTHER_DIGITS)
    return {f"files/{_md5(content)}{KINDS[modality].suffix}": content for content in contents}


def hits() -> list[dict[str, Any]]:
    """What /files lists of all of them."""
    return [
        _hit(modality, file_id, patient)
        for modality in KINDS
        for file_id, patient in zip(ids_of(modality), PATIENTS, strict=True)
    ]


def _hit(modality: str, file_id: str, patient: str) -> dict[str, Any]:
    kind, content = KINDS[modality], content_of(modality, file_id)
    portion = modality == "rppa"
    barcode = f"{patient}-01A-11" if portion else f"{patient}-01A-11D-1896-05"
    barcodes = [barcode, *([f"{patient}-10A-01D-1896-05"] if modality in ("cn", "mutation") else [])]
    entities = [{"entity_submitter_id": one, "entity_type": "portion" if portion else "aliquot"} for one in barcodes]
    tumour = {"submitter_id": barcode[:16], "sample_type": "Primary Tumor", "tumor_descriptor": "Primary"}
    samples = [tumour, *({"submitter_id": one[:16]} for one in barcodes[1:])]
    case = {"submitter_id": patient, "project": {"project_id": "TCGA-LGG"}, "samples": samples}
    return {
        "id": file_id, "file_id": file_id, "file_name": f"{file_id}{kind.suffix}", "file_size": len(content),
        "md5sum": _md5(content), "state": "released", "access": "open", "version": "1", "data_release": "32.0 - 45.0",
        "data_category": kind.category, "data_type": kind.data_type, "experimental_strategy": kind.strategy,
        "analysis": {"workflow_type": kind.workflow}, "associated_entities": entities, "cases": [case],
    }  # fmt: skip


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
