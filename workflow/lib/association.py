"""Which scans of associations a config asks for, and what each reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from mgi.core.run import EXPRESSION, Run, run_table

from .modalities import Configured

LESION, EMBEDDING = "lesion", "embedding"
SUBTYPE = "subtype"
LABELS, COHORT = "<results>/tables/labels.parquet", "<results>/tables/cohort.tsv"
COMPONENTS = "<results>/associate/embedding_components.parquet"
PHENOTYPES = {LESION: "<results>/tables/lesion_features.parquet", EMBEDDING: COMPONENTS}
COVARIATES = {"age": (LABELS, "age_years"), "sex": (LABELS, "sex"), "site": (COHORT, "site")}
"""Table and column of each covariate that is no class label; the cohort's Parquet has lists, which no scan reads."""
FOLD = "fold"
TABLES = ("associations.parquet", "hits.tsv", "phenotypes.tsv", "left_out.tsv")


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One scan: the modality whose features it tests, the table of its phenotypes, their columns where they are not
    all, and its covariates by table."""

    modality: str
    phenotypes: str
    phenotype_columns: tuple[str, ...]
    covariates: tuple[tuple[str, str], ...]

    @property
    def tables(self) -> list[str]:
        """The tables of the covariates, each once."""
        return list(dict.fromkeys(table for table, _ in self.covariates))

    @property
    def options(self) -> list[str]:
        """What the command line says beside the tables."""
        columns = [column for _, column in self.covariates]
        return [
            *(["--modality", self.modality] if self.modality != EXPRESSION else []),
            *(["--phenotype-columns", *self.phenotype_columns] if self.phenotype_columns else []),
            *(["--covariate-columns", *columns] if columns else []),
            *(["--categorical", FOLD] if FOLD in columns else []),
        ]


def scans(config: Mapping[str, Any], table: Mapping[str, Run]) -> dict[str, Scan]:
    """Every scan by the name of its folder; none where the config asks for none."""
    chosen = config["associate"]
    if chosen is None:
        return {}
    kinds = [kind for kind in (LESION, EMBEDDING) if chosen["phenotypes"] in (kind, "both")]
    several = len(embedded(table)) > 1
    found = {}
    subtypes = ("", SUBTYPE) if chosen["subtype"] else ("",)
    for kind, modality, given in product(kinds, expression_first(chosen["modalities"]), subtypes):
        covariates = [COVARIATES[name] for name in chosen["covariates"]]
        covariates += [(LABELS, name) for name in chosen["subtype"]] if given else []
        covariates += [(COMPONENTS, FOLD)] if kind == EMBEDDING and several else []
        columns = [f"component_{number + 1}" for number in range(chosen["components"])] if kind == EMBEDDING else []
        found["-".join(filter(None, (kind, "" if modality == EXPRESSION else modality, given)))] = Scan(
            modality=modality,
            phenotypes=PHENOTYPES[kind],
            phenotype_columns=tuple(columns),
            covariates=tuple(covariates),
        )
    return found


def scanned_code(modalities: Mapping[str, Configured], scan: Scan) -> list[str]:
    """The modules that say what is tested of a modality, for a fingerprint; the command itself reads expression."""
    return [] if scan.modality == EXPRESSION else modalities[scan.modality].fitting_code


def expression_first(modalities: Iterable[str]) -> list[str]:
    """In the order in which the report shows them."""
    return sorted(modalities, key=lambda name: (name != EXPRESSION, name))


def embedded(table: Mapping[str, Run]) -> list[str]:
    """The first pre-training without a control or variant, and the same of the other folds."""
    runs = [run for run in table.values() if run.is_pretraining and run.control is None and run.variant is None]
    return [run.key for run in runs if replace(run, fold=runs[0].fold) == runs[0]]


def association_files(config: Mapping[str, Any]) -> list[str]:
    """What all scans write, below the folder `associate` of the results."""
    names = [name for file in TABLES for name in ([file, f"{file}.sha256"] if file.endswith(".tsv") else [file])]
    return [f"{scan}/{name}" for scan in scans(config, run_table(config["runs"])) for name in names]
