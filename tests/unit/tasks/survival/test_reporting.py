import numpy as np
import pandas as pd

from mgi.tasks.report_parts import ReportInput
from mgi.tasks.survival import scoring
from mgi.tasks.survival.curves import of_first_seed, tertile_of
from mgi.tasks.survival.reporting import section


def patients_of(n: int = 18) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "task": "survival", "method": "mgi", "permutation": 0, "patient_id": [f"P{one:02}" for one in range(n)],
            "fold": np.arange(n) % 2, "risk": rng.normal(size=n), "risk_quantile": np.linspace(0, 1, n),
            "time_days": rng.exponential(900, n) + 1, "event": (rng.random(n) < 0.6).astype(float),
            "uncensored": 0.8, "squared_error": rng.random(n), "squared_error_no_model": rng.random(n),
        }
    )  # fmt: skip
    return pd.concat(
        [rows.assign(seed=seed, expression_input=given) for seed in (0, 1) for given in ("own", "null_token")]
    )


def test_groups_are_cut_at_thirds() -> None:
    assert tertile_of(pd.Series([0.0, 0.33, 0.34, 0.66, 0.67, 1.0])).tolist() == [0, 0, 1, 1, 2, 2]


def test_each_patient_is_in_one_group() -> None:
    once = of_first_seed(patients_of())
    assert len(once) == once["patient_id"].nunique() == 18


def test_the_section_counts_events_and_draws_survival_by_risk() -> None:
    patients = patients_of()
    results = pd.DataFrame(
        {"task": "survival", "method": "mgi", "expression_input": given, **row}
        for given, group in patients.groupby("expression_input")
        for row in scoring.summarise(group, 20, 0)
    )
    events = int((patients.drop_duplicates("patient_id")["event"] > 0).sum())
    assert set(results["events"]) == {events}
    made = section(
        ReportInput(
            results=results,
            no_genes=results[:0],
            tests=pd.DataFrame({"method": []}),
            patients=patients,
            headline="c_index",
            simulated=True,
            unpaired=0,
            predictions=[],
            image_shard=None,  # type: ignore[arg-type]
        )
    )
    assert made.figures["survival"]
    assert f"18 tested patients have a time, {events} of them the event" in made.html
    assert made.html.count('<th scope="row">MGI') == 2
