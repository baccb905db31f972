import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mgi_standin.simulation.clinical import (
    BASE_HAZARD,
    QUIRKS,
    SIZE_EFFECT,
    SUBTYPE_EFFECT,
    Clinical,
    case_hit,
    draw_clinical,
    log_hazard_ratio,
    table_row,
)
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.latent_factors import SUBTYPES
from mgi_standin.simulation.settings import SimulationSettings

SETTINGS = SimulationSettings(
    seed=3, n_patients=9, n_genes=800, slices_min=6, slices_max=8, pixels=32, genes_drive_images=True
)
EMPTY = np.zeros(0)
ONE = Clinical(patient_id="P1", subtype="IDHwt", grade="G3", sex="male", age_days=15000, days=600, dead=False)


def patients(n: int, subtype: str | None = None, size: float = 0.0) -> list[SimulatedPatient]:
    return [
        SimulatedPatient(
            patient_id=f"TCGA-DU-{number:05}",
            site="DU",
            subtype=subtype or SUBTYPES[number % 3],
            factors={"size": size},
            expressed={},
            log_expression=EMPTY,
            volume=EMPTY,
            mask=EMPTY,
            spacing_mm=(1.0, 1.0, 5.0),
        )  # type: ignore[arg-type]
        for number in range(n)
    ]


def hazard(drawn: list[Clinical]) -> float:
    """Deaths per day at risk: the estimate of a constant hazard under censoring."""
    return sum(one.dead for one in drawn) / sum(one.days for one in drawn)


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("size", [-1.0, 1.0])
def test_survival_follows_the_stated_hazard(subtype: str, size: float) -> None:
    drawn = draw_clinical(patients(3000, subtype, size), SETTINGS)
    ages = [one.age_days / 365.25 for one in drawn]
    expected = BASE_HAZARD * math.exp(log_hazard_ratio(subtype, size, float(np.mean(ages))))
    assert hazard(drawn) == pytest.approx(expected, rel=0.12)


def test_effects_are_those_of_the_formula() -> None:
    assert log_hazard_ratio("IDHmut-non-codel", 0.0, 45.0) == 0.0
    assert log_hazard_ratio("IDHwt", 2.0, 55.0) == pytest.approx(SUBTYPE_EFFECT["IDHwt"] + 2 * SIZE_EFFECT + 0.2)


def test_a_patient_has_the_same_labels_in_a_larger_cohort_but_for_quirks() -> None:
    few, many = (draw_clinical(patients(n), SETTINGS) for n in (5, 60))
    assert [replace(one, quirk=None) for one in few] == [replace(one, quirk=None) for one in many[:5]]
    assert [one.quirk for one in few] == [None] * 5
    assert Counter(one.quirk for one in many if one.quirk) == Counter(QUIRKS)


def test_the_last_follow_up_is_that_of_the_days_and_nobody_sorted_them() -> None:
    hit = case_hit(ONE, "key")
    days = [row["days_to_follow_up"] for row in hit["follow_ups"]]
    assert days == [600, 200, None, 300]
    assert hit["diagnoses"][0]["days_to_last_follow_up"] == 300
    assert hit["demographic"]["days_to_death"] is None
    dead = case_hit(replace(ONE, dead=True), "key")
    assert (dead["demographic"]["vital_status"], dead["demographic"]["days_to_death"]) == ("Dead", 600)
    assert dead["follow_ups"] is None


def test_every_quirk_changes_the_case() -> None:
    plain = case_hit(ONE, "key")
    changed = {quirk: case_hit(replace(ONE, quirk=quirk), "key") for quirk in QUIRKS}
    assert all(hit != plain for hit in changed.values())
    assert "demographic" not in changed["no demographic"]
    assert changed["not reported"]["demographic"]["vital_status"] == "Not Reported"
    assert changed["negative follow-up"]["diagnoses"][0]["days_to_last_follow_up"] == -1
    assert changed["no follow-up"]["follow_ups"] is None


def test_the_users_table_has_the_molecular_classes_and_says_that_it_is_simulated() -> None:
    assert table_row(ONE) == (
        "P1-01", "WT", "non-codel", "IDHwt", "G3", "41.1", "male", "600", "Alive", "true"
    )  # fmt: skip
    assert table_row(replace(ONE, subtype="IDHmut-codel", quirk="no grade"))[1:5] == (
        "Mutant", "codel", "IDHmut-codel", "[Not Available]"
    )  # fmt: skip
