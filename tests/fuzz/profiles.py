"""Honest files of copy number, mutations, methylation, microRNAs and proteins, and tables of features, small."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

SAMPLES = [f"TCGA-CS-49{n}-01A" for n in range(42, 46)]


def write_profiles(folder: Path) -> None:
    """A few files of each kind, as the GDC has them, and one table of features with gaps in three forms."""
    rng = np.random.default_rng(8)
    for number in range(3):
        _write(folder / f"copies/{number}.gene_level_copy_number.tsv", _copies(rng))
        _write(folder / f"maf/{number}.maf.tsv", _maf(rng, 25 * number))
        _write(folder / f"betas/{number}.level3betas.txt", _betas(rng))
        _write(folder / f"mirna/{number}.mirnas.quantification.txt", _quantification(rng))
        _write(folder / f"rppa/{number}_RPPA_data.tsv", _antibodies(rng, 30 - 10 * (number == 2)))
    for path in sorted((folder / "maf").glob("*.tsv")):
        path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes(), 6, mtime=0))
    values = rng.random((30, len(SAMPLES))).round(4)
    values[rng.random(values.shape) < 0.2] = np.nan
    frame = pd.DataFrame(values, index=pd.Index([f"cg{n}" for n in range(30)], name="probe"), columns=SAMPLES)
    (folder / "features").mkdir(parents=True)
    frame.assign(chromosome="chr1", start=range(30)).to_csv(folder / "features/a.tsv", sep="\t", na_rep="NA")
    frame.T.rename_axis("patient_id").to_csv(folder / "features/b.csv")
    frame.T.to_parquet(folder / "features/c.parquet")


def _copies(rng: np.random.Generator) -> str:
    rows = []
    for n, copies in enumerate(rng.integers(0, 5, 60).tolist()):
        shown = "\t\t" if n % 11 == 3 else f"{copies}\t{max(0, copies - n % 2)}\t{copies + n % 3}"
        rows.append(f"ENSG{n:011d}.{n % 9}\tG{n}\tchr{n % 22 + 1}\t{1000 * n + 1}\t{1000 * n + 900}\t{shown}\n")
    header = "gene_id\tgene_name\tchromosome\tstart\tend\tcopy_number\tmin_copy_number\tmax_copy_number\n"
    return header + "".join(rows)


def _maf(rng: np.random.Generator, count: int) -> str:
    head = ("#version gdc-1.0.0", "#tumor.aliquot 00000000-0000-4000-8000-000000000000")
    names = ("Hugo_Symbol", "Entrez_Gene_Id", "Variant_Classification", "Tumor_Sample_Barcode", "HGVSp_Short", "Gene")
    classes = ("Missense_Mutation", "Silent", "Frame_Shift_Del", "3'UTR", "Splice_Site")
    rows = (
        (f"G{gene}", str(gene), classes[gene % 5], SAMPLES[0], f"p.R{gene}H", f"ENSG{gene:011d}")
        for gene in rng.integers(1, 900, count).tolist()
    )
    return "\n".join([*head, *("\t".join(row) for row in (names, *rows))]) + "\n"


def _betas(rng: np.random.Generator) -> str:
    shown = ("NA" if gap else repr(float(beta)) for beta, gap in zip(rng.random(60), rng.random(60) < 0.1, strict=True))
    return "".join(
        f"{kind}{n:08d}\t{beta}\n" for n, (kind, beta) in enumerate(zip(["cg", "rs", "ch."] * 20, shown, strict=True))
    )


def _quantification(rng: np.random.Generator) -> str:
    reads = rng.multinomial(100_000, rng.dirichlet(np.full(40, 0.2)))
    rows = (f"hsa-mir-{n}\t{count}\t{count * 10:.6f}\t{'NY'[n % 7 == 0]}\n" for n, count in enumerate(reads.tolist()))
    return "miRNA_ID\tread_count\treads_per_million_miRNA_mapped\tcross-mapped\n" + "".join(rows)


def _antibodies(rng: np.random.Generator, count: int) -> str:
    levels = ("NA" if n % 9 == 4 else f"{level:.6g}" for n, level in enumerate(rng.normal(size=count)))
    rows = (f"AGID{n:05d}\t{n}\tsc-{n} X\tOld\tP{n}_pS{n}\t{level}\n" for n, level in enumerate(levels))
    return "AGID\tlab_id\tcatalog_number\tset_id\tpeptide_target\tprotein_expression\n" + "".join(rows)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
