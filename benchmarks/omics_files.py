"""Files of the GDC's kinds at the size that TCGA-LGG's have, drawn; each patient's values are its own.

Sizes: 486,427 probes (13.6 MB), 60,623 genes of copy number (3.3 MB), 1,881 microRNAs, 487 antibodies,
and a packed MAF of 90 mutations.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from mgi_standin.simulation.omics.maf import MAF_COLUMNS, Pair, encode_maf

PROBES, GENES, MICRORNAS, ANTIBODIES, MUTATIONS = 486_427, 60_623, 1_881, 487, 90
_POOL = 1 << 16
_MASKED = 0.15
_UUID = "00000000-0000-4000-8000-000000000000"

Text = Callable[[np.random.Generator], bytes]


@cache
def _probes() -> list[str]:
    rng = np.random.default_rng(0)
    return [f"cg{number:08d}\t" for number in rng.permutation(28_000_000)[:PROBES].tolist()]


@cache
def _betas_as_text() -> np.ndarray:
    """Values as the GDC prints them, some 16 digits each; NA where masked."""
    rng = np.random.default_rng(1)
    texts = [repr(float(beta)) for beta in rng.beta(0.5, 0.5, _POOL)]
    for place in np.flatnonzero(rng.random(_POOL) < _MASKED):
        texts[place] = "NA"
    return np.array(texts, object)


def betas(rng: np.random.Generator) -> bytes:
    """One file of beta values."""
    values = _betas_as_text()[rng.integers(_POOL, size=PROBES)].tolist()
    return ("\n".join(map(str.__add__, _probes(), values)) + "\n").encode()


@cache
def _genes() -> list[str]:
    rng = np.random.default_rng(2)
    starts = rng.integers(1, 200_000_000, GENES).tolist()
    return [f"ENSG{n:011d}.{n % 20 + 1}\tGENE{n}\tchr{n % 22 + 1}\t{at}\t{at + 9000}\t" for n, at in enumerate(starts)]


def copy_numbers(rng: np.random.Generator) -> bytes:
    """One file of copy numbers of genes; runs of one number, and empty ones where there is no segment."""
    runs = np.repeat(
        rng.choice(["2\t2\t2", "1\t1\t1", "3\t3\t3", "\t\t"], 400, p=[0.7, 0.1, 0.1, 0.1]), GENES // 400 + 1
    )
    head = "gene_id\tgene_name\tchromosome\tstart\tend\tcopy_number\tmin_copy_number\tmax_copy_number\n"
    return (head + "\n".join(map(str.__add__, _genes(), runs[:GENES].tolist())) + "\n").encode()


def quantification(rng: np.random.Generator) -> bytes:
    """One file of microRNAs."""
    total = 5_000_000
    reads = rng.multinomial(total, rng.dirichlet(np.full(MICRORNAS, 0.05))).tolist()
    rows = (f"hsa-mir-{n}\t{count}\t{count * 1e6 / total:.6f}\tN\n" for n, count in enumerate(reads))
    return ("miRNA_ID\tread_count\treads_per_million_miRNA_mapped\tcross-mapped\n" + "".join(rows)).encode()


def antibodies(rng: np.random.Generator) -> bytes:
    """One file of a protein array."""
    levels = rng.normal(size=ANTIBODIES).tolist()
    rows = (f"AGID{n:05d}\t{n}\tsc-{n}\tOld\tTARGET{n}\t{level}\n" for n, level in enumerate(levels))
    return ("AGID\tlab_id\tcatalog_number\tset_id\tpeptide_target\tprotein_expression\n" + "".join(rows)).encode()


def written(text: Text, number: int) -> bytes:
    """The file of a patient by number."""
    return text(np.random.default_rng([3, number]))


def mutations(rng: np.random.Generator) -> bytes:
    """One packed file of 90 mutations with the GDC's 140 columns."""
    pair = Pair(tumour="TCGA-CS-ZA01-01A-11D-A000-08", normal="TCGA-CS-ZA01-10A-01D-A000-08", tumour_id=_UUID,
                normal_id=_UUID, case_id=_UUID)  # fmt: skip
    classes = ["Missense_Mutation", "Silent", "Nonsense_Mutation", "Intron", "Frame_Shift_Del"]
    rows = []
    for number, gene in enumerate(rng.integers(20_000, size=MUTATIONS).tolist()):
        said = {name: f"{name.lower()} {gene} of {number} with some text" for name in MAF_COLUMNS[40::2]}
        known = {
            "Hugo_Symbol": f"GENE{gene}", "Gene": f"ENSG{gene:011d}", "Variant_Classification": classes[number % 5],
            "HGVSp_Short": f"p.R{number + 1}H", "Chromosome": "chr1", "Start_Position": str(gene + 1),
        }  # fmt: skip
        rows.append(said | known)
    return encode_maf(rows, pair)
