import numpy as np
import pandas as pd
import pytest

from mgi.evaluation.patient_scores import per_test
from mgi.tasks.classification import scoring
from mgi.tasks.classification.curves import calibration_curve, roc_curve, roc_figure
from mgi.tasks.classification.reporting import section
from mgi.tasks.classification.scoring import arrays_of, classes_in, column, reason_in
from mgi.tasks.report_parts import ReportInput


def scores(classes: tuple[str, ...] = ("a", "b"), given: tuple[str, ...] = ("own", "null_token")) -> pd.DataFrame:
    """Of each of 12 patients in two folds, as `evaluate` writes them; a fold knows all classes but the last."""
    rng, rows = np.random.default_rng(0), []
    for number in range(12):
        own = classes[number % len(classes)]
        for name in given:
            drawn = rng.dirichlet(np.ones(2))
            values = {column(kind, one): p for kind in ("probability", "uncalibrated") for one, p in zip("ab", drawn)}  # noqa: B905
            values |= {column("class", one): float(one == own) for one in {"a", "b", own}}
            about = {"run": f"r{number % 2}", "task": "classification", "method": "mgi", "fold": number % 2, "seed": 0}
            rows += [
                {**about, "expression_input": name, "patient_id": f"P{number:02}", "definition": key, "value": value}
                for key, value in values.items()
            ]
    return pd.DataFrame(rows)


def test_a_roc_curve_calls_tied_patients_together() -> None:
    false, true = roc_curve(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    assert list(zip(false, true, strict=True)) == [(0, 0), (0, 0.5), (0.5, 1), (1, 1)]


def test_without_a_class_that_some_have_and_some_have_not_there_is_no_roc_curve() -> None:
    rows = per_test(scores())
    assert roc_figure(rows, simulated=True) is not None
    assert roc_figure(rows.assign(**{"class: a": 1.0, "class: b": 0.0}), simulated=True) is None


def test_a_calibration_curve_is_of_groups_of_equally_many() -> None:
    probability = np.array([[0.5, 0.5], [0.6, 0.4], [0.1, 0.9], [0.0, 1.0]])
    said, right = calibration_curve(np.repeat(probability, 5, 0), np.repeat([1, 0, 1, 1], 5))
    assert said.tolist() == pytest.approx([0.5, 0.575, 0.75, 0.925, 1.0])
    assert right[0] == 0.0
    assert right[-1] == 1.0


def test_a_class_that_only_some_patients_have_and_no_fold_learned_comes_last() -> None:
    rows = per_test(scores(("a", "b", "c")))
    assert classes_in(rows) == ["a", "b", "c"]
    own = rows[rows["expression_input"] == "own"].sort_values("patient_id")
    probability, truth = arrays_of(own, "probability")
    assert probability.shape == (12, 2)
    assert truth.tolist() == [0, 1, 2] * 4
    assert set(scoring.statistics(own)) == set(scoring.definitions)


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c")])
def test_the_section_has_a_row_an_input_both_figures_and_the_mark_of_a_circular_label(classes: tuple[str, ...]) -> None:
    marked = scores(classes)
    marks = marked.drop_duplicates(["expression_input", "patient_id"]).assign(
        definition=column("circular", "idh is read off rna"), value=1.0
    )
    patients = per_test(pd.concat([marked, marks]))
    assert reason_in(patients) == "idh is read off rna"
    results = pd.DataFrame(
        {"task": "classification", "method": "mgi", "expression_input": given, **row}
        for given, group in patients.groupby("expression_input")
        for row in scoring.summarise(group, 20, 0)
    )
    made = section(
        ReportInput(
            results=results,
            no_genes=results[:0],
            tests=pd.DataFrame({"method": []}),
            patients=patients,
            headline="auc",
            simulated=True,
            unpaired=0,
            predictions=[],
            image_shard=None,  # type: ignore[arg-type]
        )
    )
    assert made.of_cohort
    assert set(made.figures) == {"roc", "calibration"}
    assert all(made.figures.values())
    assert made.html.count('<th scope="row">MGI') == 2
    assert "Circular:</strong> idh is read off rna" in made.html
