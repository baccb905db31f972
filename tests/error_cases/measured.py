"""Copy number, mutations, what a fold fits of a table, and the labels that they tell."""

from pathlib import Path

import numpy as np
import pandas as pd

from error_cases.ways import Case, config, file
from mgi.modalities.cn.ascat import COLUMNS, read_copy_numbers
from mgi.modalities.fitting import FitJob
from mgi.modalities.gdc.listing import check_file_count, file_row
from mgi.modalities.mutation.maf import read_maf, require_tumour
from mgi.modalities.mutation.opening import MASKED
from mgi.modalities.mutation.own_file import read_own_file
from mgi.shards.feature_shard import OpenFeatures, describe_features, open_features, write_feature_values

GENE = "ENSG00000141510.18\tTP53\tchr17\t7661779\t7687550"
MAF = "#tumor.aliquot id-1\nHugo_Symbol\tGene\tVariant_Classification\tHGVSp_Short\tTumor_Sample_Barcode\n"
VARIANT = "TP53\tENSG00000141510\tMissense_Mutation\tp.R175H\tTCGA-CS-4938-01A"
HIT = {
    "file_id": "f-1",
    "cases": [{"submitter_id": "TCGA-CS-4938", "samples": [{"submitter_id": "TCGA-CS-4938-10A"}]}],
    "associated_entities": [{"entity_type": "aliquot", "entity_submitter_id": "TCGA-CS-4938-10A-01D-1705-08"}],
}


def copies(*rows: str) -> Case:
    return file("c.tsv", "\n".join(["\t".join(COLUMNS), *rows]) + "\n", read_copy_numbers)


def maf(text: str, barcode: str = "", entity: str = "") -> Case:
    return file("m.maf", MAF + text, lambda path: require_tumour(read_maf(path), barcode, entity, path))


def shard_of(folder: Path, values: list[float]) -> OpenFeatures:
    table = pd.DataFrame({"feature_id": ["a", "b"], "name": None, "chromosome": None, "start": None, "kind": None})
    paths = [folder / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    write_feature_values(paths[0], table, "copies", [("P1", np.array(values, np.float32))])
    describe_features(*paths, table, simulated=True)
    return open_features(folder)


CASES: dict[str, dict[str, Case]] = {
    "copy number and mutations": {
        "a pair without its tumour": lambda _: file_row(HIT, [], MASKED),
        "a workflow that the GDC has renamed": lambda _: check_file_count(3, (500, 540), "TCGA-LGG", MASKED),
        "half a copy": copies(f"{GENE}\t2.5\t2\t3"),
        "copies beyond their bounds": copies(f"{GENE}\t2\t3\t3"),
        "copies of no gene": copies(f"{GENE}\t\t\t"),
        "an unknown class of variants": maf(VARIANT.replace("Missense_Mutation", "Missense") + "\n"),
        "variants of another tumour": maf(VARIANT + "\n", entity="id-2"),
        "variants of another patient": maf(VARIANT + "\n", barcode="TCGA-HT-7473-01A"),
        "a table of counts of mutations": file("m.csv", "gene_id,P1,P2\nTP53,0,3\n", read_own_file),
        "an infinite feature": lambda folder: shard_of(folder, [1.0, float("inf")]),
        "one patient to fit on": lambda folder: FitJob(
            modality="cn", shard=shard_of(folder, [1.0, 2.0]), train=("P1",)
        ),
        "an oracle without its modality": config(labels={"source": "oracles", "oracles": ["codel"]}),
        "oracles that nobody asked for": config(labels={"source": "oracles"}),
    },
}
