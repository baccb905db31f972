import math
from pathlib import Path

import numpy as np
import pytest

from mgi.association.inputs import gather
from mgi.association.patient_table import FeatureTable, PatientTable
from mgi.core.errors import BadInputError


def table(**cells: str) -> PatientTable:
    """A table of patients P1, P2, … with a column per keyword, cells parted by blanks and '-' for an empty one."""
    columns = {name: ["" if one == "-" else one for one in text.split()] for name, text in cells.items()}
    patients = columns.pop("patients", None) or [f"P{n + 1}" for n in range(len(next(iter(columns.values()))))]
    return PatientTable(paths=dict.fromkeys(columns, Path("own.tsv")), patients=tuple(patients), cells=columns)


def features(patients: str, values: list[list[float]]) -> FeatureTable:
    names = tuple(f"G{n}" for n in range(len(values[0])))
    return FeatureTable(patients=tuple(patients.split()), names=names, about=names, values=np.array(values, np.float32))


def test_tables_are_matched_by_patient_whatever_their_order() -> None:
    inputs = gather(
        table(volume="1 2 3"), features("P3 P1 P2", [[30], [10], [20]]), table(patients="P2 P3 P1", age="2 3 1")
    )
    assert inputs.patients == ("P1", "P2", "P3")
    assert inputs.phenotypes.values.ravel().tolist() == [1, 2, 3]
    assert inputs.features.values.ravel().tolist() == [10, 20, 30]
    assert inputs.design.columns == ("intercept", "age")
    assert np.abs(inputs.design.residuals(inputs.phenotypes.values)).max() < 1e-12  # the age of each is its volume


def test_each_patient_who_is_left_out_has_a_reason() -> None:
    inputs = gather(
        table(volume="1 - 3 4 5", side="1 2 - 4 5"),
        features("P1 P2 P3 P4 P9", [[1], [2], [3], [4], [9]]),
        table(patients="P1 P2 P3 P4 P5", age="1 2 3 - 5"),
    )
    assert inputs.patients == ("P1",)
    assert inputs.left_out == (
        ("patient", "P2", "phenotype volume is missing"),
        ("patient", "P3", "phenotype side is missing"),
        ("patient", "P4", "covariate age is missing"),
        ("patient", "P5", "not in the table of features"),
        ("patient", "P9", "not in the table of phenotypes, not in the table of covariates"),
        ("covariate", "age", "constant"),
    )


def test_a_feature_with_gaps_is_left_out_unless_they_are_in_other_patients() -> None:
    gaps = features("P1 P2 P3", [[1, math.nan, 2], [1, 5, 2], [1, 5, math.nan]])
    inputs = gather(table(volume="1 2"), gaps, None)
    assert inputs.features.names == ("G0", "G2")
    assert ("feature", "G1", "missing in 1 of 2 patients") in inputs.left_out


def test_numbers_are_categories_only_where_they_are_named() -> None:
    own = table(volume="1 2 3 4"), features("P1 P2 P3 P4", [[1.0]] * 4)
    assert gather(*own, table(site="1 2 3 1")).design.columns == ("intercept", "site")
    assert gather(*own, table(site="1 2 3 1"), ["site"]).design.columns == ("intercept", "site=2", "site=3")
    assert gather(*own, table(site="1 2 b 1")).design.columns == ("intercept", "site=2", "site=b")


def test_tables_of_different_patients_are_refused_with_an_id_of_each() -> None:
    with pytest.raises(BadInputError, match=r"no patient is in all tables \(phenotypes: 2, such as P1; features: 1"):
        gather(table(volume="1 2"), features("TCGA-CS-4938", [[1]]), None)


def test_patients_who_all_lack_a_value_are_refused() -> None:
    with pytest.raises(
        BadInputError, match="none of 2 patients in all tables has every value, such as: phenotype side is"
    ):
        gather(table(volume="1 2", side="- -"), features("P1 P2", [[1], [2]]), None)


def test_a_phenotype_of_words_is_refused() -> None:
    with pytest.raises(BadInputError, match="column grade, patient P2: found 'G2', expected a number"):
        gather(table(grade="1 G2"), features("P1 P2", [[1], [2]]), None)
