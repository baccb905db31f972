"""Does the scan find what was planted, and nothing where nothing was? Simulated patients, genes known to shape tumours.

REQUIRED INPUTS: none; patients are simulated with the settings of config/demo.yaml, but for their number.
OUTPUTS: a table, and --output: a list of {name, value, low, high}. `low` to `high` is what chance allows: two standard
errors around 5 % for the share of permuted scans with a hit, else null.

A planted pair is a gene of a latent factor with the one feature of the tumour that the factor shapes. The scan has the
settings of `mgi associate` by default (q at most 0.05), with age, sex and hospital as covariates, and then the subtype.
Features come from the drawn volume and its mask, expression is log2(TPM + 1) of drawn counts. Permuted scans, of genes
that have nothing to do with the images, give phenotypes to other patients and leave the rest together.

    PYTHONPATH=src python benchmarks/associations.py
    PYTHONPATH=src python benchmarks/associations.py --patients 240 --permuted 500
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from mgi.association.design import design_of
from mgi.association.scan import Associations, Columns, scan
from mgi.core.files import atomic_path
from mgi.tasks.segmentation.lesion_features import FEATURES, lesion_features
from mgi_standin.simulation.clinical import draw_clinical
from mgi_standin.simulation.cohort import SimulatedPatient, draw_patient, gene_model_of
from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.latent_factors import GeneModel
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.star import draw_counts, tpm

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "config/demo.yaml"
SHAPES = {"size": "log_volume", "contrast": "intensity_mean", "margin": "margin_contrast", "side": "side"}
"""The feature of a tumour that each latent factor of the genes shapes."""
COUNT_STREAM, PERMUTING_STREAM = 101, 102
FDR = 0.05
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Features of the tumours (n, 12), expression (n, G), covariates, and the genes (G,) of each factor."""

    features: Columns
    expression: Columns
    covariates: dict[str, Any]
    subtype: list[str]
    members: dict[str, NDArray[np.bool_]]

    @property
    def n(self) -> int:
        """Patients."""
        return len(self.subtype)

    def scanned(self, *, given_subtype: bool = False, features: Columns | None = None) -> Associations:
        """The scan with the settings of the command, but for permutations."""
        covariates = self.covariates | ({"subtype": self.subtype} if given_subtype else {})
        return scan(features or self.features, self.expression, design_of(covariates, self.n), transform="both")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=int, nargs="+", default=[240, 480, 960], help="cohorts with planted pairs")
    options.add_argument("--permuted", type=int, default=500, help="permuted scans of 240 patients with none")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/associations.json")
    return options.parse_args()


def settings_of(n_patients: int, *, genes_drive_images: bool) -> SimulationSettings:
    """The demo's simulation with another number of patients."""
    given = yaml.safe_load(DEMO.read_text(encoding="utf-8"))["simulation"]
    return SimulationSettings(**{**given, "n_patients": n_patients, "genes_drive_images": genes_drive_images})


def drawn(settings: SimulationSettings) -> Drawn:
    """Simulate and measure a cohort, patient by patient."""
    model, genes = gene_model_of(settings), draw_gene_table(settings.n_genes, settings.seed)
    patients, features, expression = [], [], []
    for index in range(settings.n_patients):
        one = draw_patient(index, model, settings)
        features.append(list(lesion_features(one.volume, one.mask.astype(np.uint8)).values()))
        counts = draw_counts(one.log_expression, genes, np.random.default_rng([settings.seed, COUNT_STREAM, index]))
        expression.append(np.log2(tpm(counts.unstranded, genes) + 1))
        patients.append(one)
    clinical = draw_clinical(patients, settings)
    return Drawn(
        features=Columns(names=tuple(FEATURES), values=np.array(features)),
        expression=Columns(names=tuple(genes["gene_id"]), values=np.array(expression)),
        covariates={
            "age": np.array([one.age_days / 365.25 for one in clinical]),
            "sex": [one.sex for one in clinical],
            "site": [one.site for one in patients],
        },
        subtype=[one.subtype for one in patients],
        members=_members(model, patients),
    )


def _members(model: GeneModel, patients: Sequence[SimulatedPatient]) -> dict[str, NDArray[np.bool_]]:
    return {factor: model.loadings[factor] != 0 for factor in patients[0].factors}


def found_of(cohort: Drawn, *, given_subtype: bool) -> list[dict[str, Any]]:
    """The share of planted pairs that are hits, by factor and in all, and of hits whose gene belongs to no factor."""
    found = cohort.scanned(given_subtype=given_subtype)
    hits = pd.DataFrame(found.q <= FDR, found.phenotypes, found.features)
    hits = hits.reindex(columns=list(cohort.expression.names), fill_value=False)  # a gene that never varies is left out
    planted = {factor: hits.loc[SHAPES[factor]].to_numpy()[own] for factor, own in cohort.members.items()}
    of_none = ~np.any(list(cohort.members.values()), axis=0)
    name = f"{cohort.n} patients{', given subtype' if given_subtype else ''}"
    rows = {f"found: {factor} with {SHAPES[factor]}": own.mean() for factor, own in planted.items()}
    rows["found: all planted pairs"] = np.concatenate(list(planted.values())).mean()
    rows["hits of genes of no factor"] = hits.to_numpy()[:, of_none].sum() / max(1, hits.to_numpy().sum())
    return [
        {"name": f"{name}: {what}", "value": float(value), "low": None, "high": None} for what, value in rows.items()
    ]


def chance_of(cohort: Drawn, permutations: int) -> list[dict[str, Any]]:
    """The share of permuted scans with any hit, and the mean and median lambda of their phenotypes."""
    rng = np.random.default_rng(PERMUTING_STREAM)
    any_hit, inflation = [], []
    for _ in range(permutations):
        dealt = Columns(names=cohort.features.names, values=cohort.features.values[rng.permutation(cohort.n)])
        found = cohort.scanned(features=dealt)
        any_hit.append(bool((found.q <= FDR).any()))
        inflation.append(found.inflation.found)
    error = 2 * np.sqrt(FDR * (1 - FDR) / permutations)
    name = f"{cohort.n} patients, genes independent of images, {permutations} permuted scans"
    return [
        {"name": f"{name}: share with a hit", "value": float(np.mean(any_hit)), "low": 0.0, "high": FDR + error},
        {"name": f"{name}: mean lambda", "value": float(np.mean(inflation)), "low": None, "high": None},
        {"name": f"{name}: median lambda", "value": float(np.median(inflation)), "low": None, "high": None},
    ]


def main() -> None:
    """Measure, print, write."""
    args = arguments()
    rows: list[dict[str, Any]] = []
    for n_patients in args.patients:
        cohort = drawn(settings_of(n_patients, genes_drive_images=True))
        rows += [row for given in (False, True) for row in found_of(cohort, given_subtype=given)]
    if args.permuted:
        null = drawn(settings_of(240, genes_drive_images=False))
        hits = int((null.scanned().q <= FDR).sum())
        rows.append(
            {"name": "240 patients, genes independent of images: hits", "value": hits, "low": None, "high": None}
        )
        rows += chance_of(null, args.permuted)
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f", na_rep=""))
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
