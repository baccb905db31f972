"""What a simulated run's scan and attributions find of its truth: planted associations, and the genes of each factor.

REQUIRED INPUTS: --results, the folder of a simulated run with associations and attributions (`snakemake --configfile
config/demo.yaml config/known-biology.yaml -- explain_tables associations`).
OUTPUTS: a table, and --output: a list of {name, value, of}; a share is `value` of `of`, an AUC has none.

A planted pair is a gene of a latent factor with the one feature of the tumour that the factor shapes
(benchmarks/associations.py); it is found where it is among the hits. `auc_relative` is that of the value `contrast`:
the genes of each factor, and the mean of those that the image shows; with several networks also the means over them.

    PYTHONPATH=src python benchmarks/recovered.py --results results/known-biology
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from associations import SHAPES

from mgi.core.files import atomic_path
from mgi.core.run import PERMUTED_PAIRS
from mgi.explain.attribution_file import TRAINED
from mgi.modalities.rna.gene_sets import read_gmt
from mgi_standin.simulation.latent_factors import SUBTYPE_MEAN

ROOT = Path(__file__).parents[1]
SHOWN = tuple(SUBTYPE_MEAN["IDHwt"])  # the factors that shape an image
VALUE = "contrast"
SCANS = ("lesion", "lesion-subtype")


def found_pairs(hits: pd.DataFrame, members: dict[str, set[str]], scan: str) -> list[dict[str, Any]]:
    """Planted pairs among a scan's hits, by factor and in all, and hits whose gene is in no set."""
    found = set(zip(hits["phenotype"], hits["feature"], strict=True))
    planted = {factor: {(SHAPES[factor], gene) for gene in members[factor]} for factor in SHAPES}
    rows = [_row(f"{scan}: {factor} with {SHAPES[factor]}", own & found, own) for factor, own in planted.items()]
    every = set().union(*planted.values())
    in_a_set = set().union(*members.values())
    of_none = [pair for pair in found if pair[1] not in in_a_set]
    rows.append(_row(f"{scan}: all planted pairs", every & found, every))
    return [*rows, _row(f"{scan}: hits of genes in no set", of_none, found)]


def attributed(sets: pd.DataFrame) -> list[dict[str, Any]]:
    """`auc_relative` of every set and network, and the mean of the factors that the image shows."""
    rows = []
    for (run, network), own in sets[sets["value"] == VALUE].groupby(["run", "network"], sort=False):
        of = dict(zip(own["gene_set"], own["auc_relative"], strict=True))
        of[f"mean of {', '.join(SHOWN)}"] = sum(of[factor] for factor in SHOWN) / len(SHOWN)
        rows += [{"name": f"{run}, {network}: {name}", "value": value, "of": None} for name, value in of.items()]
    return rows


def over_networks(sets: pd.DataFrame) -> list[dict[str, Any]]:
    """Mean AUCs over the trained networks, own pairs and permuted ones apart, and the deviation of these means."""
    own = sets[(sets["value"] == VALUE) & (sets["network"] == TRAINED)]
    permuted = own["run"].str.contains(PERMUTED_PAIRS)
    rows = []
    for kind, some in (("own pairs", own[~permuted]), ("permuted pairs", own[permuted])):
        for column in ("auc", "auc_relative", "auc_permuted"):
            table = some.pivot(index="run", columns="gene_set", values=column).dropna()
            if len(table) < 2:
                continue
            table[f"mean of {', '.join(SHOWN)}"] = table[list(SHOWN)].mean(axis=1)
            error = table.std() / len(table) ** 0.5
            about = f"{len(table)} networks, {kind}, {column}"
            for name, mean in table.mean().items():
                rows.append({"name": f"{about}: {name}", "value": mean, "of": None})
                rows.append({"name": f"{about}: {name}, standard error", "value": error[name], "of": None})
    return rows


def recovered(results: Path) -> list[dict[str, Any]]:
    """All figures of a results folder."""
    members = {name: set(genes) for name, genes in read_gmt(results / "archive/latent_factors.gmt").items()}
    rows = []
    for scan in SCANS:
        hits = pd.read_csv(results / f"associate/{scan}/hits.tsv", sep="\t")
        rows += found_pairs(hits, members, scan)
    sets = pd.read_csv(results / "explain/gene_sets.csv")
    return [*rows, *attributed(sets), *over_networks(sets)]


def _row(name: str, some: Iterable[Any], every: Iterable[Any]) -> dict[str, Any]:
    return {"name": name, "value": len(list(some)), "of": len(list(every))}


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", required=True, type=Path, help="folder of a simulated run")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/recovered_known_biology.json")
    given = options.parse_args()
    figures = recovered(given.results)
    with atomic_path(given.output) as part:
        part.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    print(pd.DataFrame(figures).to_string(index=False, float_format="%.3f", na_rep=""))
