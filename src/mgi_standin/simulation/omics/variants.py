"""Somatic variants of a simulated tumour: driver mutations and passengers, as rows of a MAF."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi_standin.simulation.genes import CHROMOSOMES
from mgi_standin.simulation.omics.drivers import DriverMutation, driver_rows
from mgi_standin.simulation.omics.tumour import Tumour

BURDEN = {"IDHmut-codel": 20.0, "IDHmut-non-codel": 25.0, "IDHwt": 40.0}  # passengers; over-dispersed by BURDEN_SHAPE
BURDEN_SHAPE, HYPERMUTATED = 3.0, 15.0
SILENT_DRIVER_CHANCE = 0.06  # a silent variant in IDH1 or TP53: the gene is not mutated
INTERGENIC_CHANCE = 0.15  # a variant outside of genes
FEWEST_READS, MOST_READS = 25, 260
BASES = "ACGT"
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


class VariantKind(NamedTuple):
    """Share of a class among passengers and its columns; `change` is a pattern with residues a, b and position n."""

    share: float
    consequence: str
    impact: str
    variant_type: str
    change: str


KINDS: Mapping[str, VariantKind] = {
    "Missense_Mutation": VariantKind(0.52, "missense_variant", "MODERATE", "SNP", "p.{a}{n}{b}"),
    "Silent": VariantKind(0.20, "synonymous_variant", "LOW", "SNP", "p.{a}{n}="),
    "Nonsense_Mutation": VariantKind(0.04, "stop_gained", "HIGH", "SNP", "p.{a}{n}*"),
    "Frame_Shift_Del": VariantKind(0.03, "frameshift_variant", "HIGH", "DEL", "p.{a}{n}{b}fs*7"),
    "Frame_Shift_Ins": VariantKind(0.015, "frameshift_variant", "HIGH", "INS", "p.{a}{n}{b}fs*7"),
    "Splice_Site": VariantKind(0.03, "splice_donor_variant", "HIGH", "SNP", "p.X{n}_splice"),
    "In_Frame_Del": VariantKind(0.012, "inframe_deletion", "MODERATE", "DEL", "p.{a}{n}del"),
    "In_Frame_Ins": VariantKind(0.004, "inframe_insertion", "MODERATE", "INS", "p.{a}{n}_{b}{m}insG"),
    "Translation_Start_Site": VariantKind(0.004, "start_lost", "HIGH", "SNP", "p.M1?"),
    "Nonstop_Mutation": VariantKind(0.003, "stop_lost", "HIGH", "SNP", "p.*{n}{b}ext*5"),
    "3'UTR": VariantKind(0.06, "3_prime_UTR_variant", "MODIFIER", "SNP", ""),
    "5'UTR": VariantKind(0.022, "5_prime_UTR_variant", "MODIFIER", "SNP", ""),
    "Intron": VariantKind(0.04, "intron_variant", "MODIFIER", "SNP", ""),
    "Splice_Region": VariantKind(0.02, "splice_region_variant;intron_variant", "LOW", "SNP", ""),
}
INTERGENIC = VariantKind(0.0, "intergenic_variant", "MODIFIER", "SNP", "")


@dataclass(frozen=True, kw_only=True)
class VariantModel:
    """The table of genes, row numbers of the driver genes and of passengers, and the chance of each passenger gene."""

    genes: pd.DataFrame
    drivers: dict[str, int]
    passengers: NDArray[np.int64]
    chances: NDArray[np.float64]


def variant_model(genes: pd.DataFrame) -> VariantModel:
    """Passengers fall in protein-coding genes in proportion to their length, and never in a driver gene."""
    drivers = driver_rows(genes)
    coding = (genes["gene_type"] == "protein_coding").to_numpy(copy=True)
    coding[list(drivers.values())] = False
    passengers = np.flatnonzero(coding)
    lengths = genes["length"].to_numpy()[passengers].astype(float)
    return VariantModel(genes=genes, drivers=drivers, passengers=passengers, chances=lengths / lengths.sum())


def draw_variants(
    tumour: Tumour, model: VariantModel, drivers: list[DriverMutation], rng: np.random.Generator, *, hypermutated: bool
) -> list[dict[str, str]]:
    """Rows of the tumour's MAF, sorted by chromosome and position."""
    rows = [_row(model, model.drivers[one.symbol], one, tumour, rng) for one in drivers]
    if rng.random() < SILENT_DRIVER_CHANCE:
        symbol = str(rng.choice(("IDH1", "TP53")))
        rows.append(_row(model, model.drivers[symbol], DriverMutation(symbol, "Silent", ""), tumour, rng))
    burden = BURDEN[tumour.subtype] * rng.gamma(BURDEN_SHAPE, 1 / BURDEN_SHAPE) * (HYPERMUTATED if hypermutated else 1)
    shares = np.array([kind.share for kind in KINDS.values()])
    count = int(rng.poisson(burden))
    classes = rng.choice(list(KINDS), count, p=shares / shares.sum())
    places = rng.choice(model.passengers, count, p=model.chances)
    for place, variant_class in zip(places.tolist(), classes.tolist(), strict=True):
        passenger = DriverMutation(str(model.genes["gene_name"].iloc[place]), variant_class, "")
        rows.append(_row(model, place, passenger, tumour, rng))
    if rng.random() < INTERGENIC_CHANCE:
        rows.append(_intergenic(rows, rng))
    rank = {name: place for place, name in enumerate(CHROMOSOMES)}
    return sorted(rows, key=lambda row: (rank[row["Chromosome"]], int(row["Start_Position"]), row["Hugo_Symbol"]))


def _row(
    model: VariantModel, place: int, variant: DriverMutation, tumour: Tumour, rng: np.random.Generator
) -> dict[str, str]:
    gene, kind = model.genes.iloc[place], KINDS[variant.variant_class]
    start, end, alleles = _place_of(kind, int(gene["start"]), int(gene["length"]), rng)
    first, second = rng.choice(list(RESIDUES), 2, replace=False)
    number = int(rng.integers(2, 900))
    change = variant.change or kind.change.format(a=first, b=second, n=number, m=number + 1)
    gene_id = str(gene["gene_id"]).partition(".")[0]
    transcript = gene_id.replace("ENSG", "ENST")
    effects = ",".join((variant.symbol, kind.consequence.split(";")[0], change, transcript, "", "", kind.impact, "YES"))
    return {
        "Hugo_Symbol": variant.symbol, "Entrez_Gene_Id": str(900_000 + place), "Chromosome": str(gene["chromosome"]),
        "Start_Position": str(start), "End_Position": str(end), "Variant_Classification": variant.variant_class,
        "Variant_Type": kind.variant_type, **alleles, "dbSNP_RS": "novel", "HGVSp_Short": change,
        "HGVSp": change, "Transcript_ID": transcript, "Exon_Number": "2/5", **_reads(tumour, rng),
        "all_effects": f"{effects};", "Gene": gene_id, "Feature": transcript, "Feature_type": "Transcript",
        "One_Consequence": kind.consequence.split(";")[0], "Consequence": kind.consequence,
        "SYMBOL": variant.symbol, "SYMBOL_SOURCE": "HGNC", "BIOTYPE": "protein_coding", "CANONICAL": "YES",
        "TRANSCRIPT_STRAND": "1", "EXON": "2/5", "IMPACT": kind.impact, "PICK": "1",
        "VARIANT_CLASS": {"SNP": "SNV", "DEL": "deletion", "INS": "insertion"}[kind.variant_type],
        "hotspot": "Y" if variant.symbol.startswith("IDH") and variant.change else "N",
        "callers": "muse;mutect2;varscan2" if kind.variant_type == "SNP" else "mutect2;pindel",
    }  # fmt: skip


def _place_of(kind: VariantKind, start: int, length: int, rng: np.random.Generator) -> tuple[int, int, dict[str, str]]:
    """First and last base, and the alleles: a hyphen stands for nothing."""
    place = start + int(rng.integers(0, length))
    before, after = rng.choice(list(BASES), 2, replace=False)
    end = place
    if kind.variant_type == "DEL":
        before, after, end = f"{before}{after}{before}", "-", place + 2
    elif kind.variant_type == "INS":
        before, end = "-", place + 1
    alleles = {"Reference_Allele": before, "Tumor_Seq_Allele1": before, "Tumor_Seq_Allele2": after, "Allele": after}
    return place, end, {name: str(text) for name, text in alleles.items()}


def _reads(tumour: Tumour, rng: np.random.Generator) -> dict[str, str]:
    """Depths: a share of about half the purity reads the variant; counts of the normal are masked."""
    depth = int(rng.integers(FEWEST_READS, MOST_READS))
    variant = max(3, int(rng.binomial(depth, tumour.purity / 2)))
    return {
        "t_depth": str(depth), "t_ref_count": str(depth - variant), "t_alt_count": str(variant),
        "n_depth": str(int(rng.integers(FEWEST_READS, MOST_READS))),
    }  # fmt: skip


def _intergenic(rows: list[dict[str, str]], rng: np.random.Generator) -> dict[str, str]:
    """A variant between genes: the symbol is `Unknown`, there is no id and no change."""
    position = str(int(rng.integers(100, 4000)))
    return {
        "Hugo_Symbol": "Unknown", "Entrez_Gene_Id": "0", "Chromosome": rows[0]["Chromosome"] if rows else "chr1",
        "Start_Position": position, "End_Position": position, "Variant_Classification": "IGR", "Variant_Type": "SNP",
        "Reference_Allele": "A", "Tumor_Seq_Allele1": "A", "Tumor_Seq_Allele2": "G", "Allele": "G",
        "t_depth": "60", "t_ref_count": "45", "t_alt_count": "15", "n_depth": "48", "hotspot": "N",
        "One_Consequence": INTERGENIC.consequence, "Consequence": INTERGENIC.consequence, "IMPACT": INTERGENIC.impact,
        "VARIANT_CLASS": "SNV", "callers": "mutect2",
    }  # fmt: skip
