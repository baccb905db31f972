"""Paragraph, summary and page on results small enough to read."""

import dataclasses
import json
import math
from pathlib import Path

import pandas as pd
import pytest

from mgi.commands.compare import _results
from mgi.evaluation.cohort_tables import audit_table, paired_tests
from mgi.reporting.figures import draw_all
from mgi.reporting.page import page, summary
from mgi.reporting.results import Results
from mgi.reporting.wording import result_sentences
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.segmentation import reporting, scoring

PATIENTS = [f"TCGA-CS-{i:04}" for i in range(6)]


def scores(method: str, given: str, shift: float) -> pd.DataFrame:
    """Six patients around a Dice of .7, each its own amount away from the others."""
    rows = [
        {"task": "segmentation", "method": method, "expression_input": given, "patient_id": name, "seeds": 1,
         **dict.fromkeys(scoring.definitions, 0.7 + 0.02 * i + shift * (1 + 0.1 * i)),
         "slices": 10.0, "tumour_slices": 4.0}
        for i, name in enumerate(PATIENTS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def results(permuted: float = -0.2, *, simulated: bool = False, methods: tuple[str, ...] = ("mgi", "unet")) -> Results:
    parts = [scores("mgi", "own", 0), scores("mgi", "permuted", permuted), scores("mgi-no-genes", "not_used", -0.1)]
    table = pd.concat(
        [*parts, scores("unet", "not_used", -0.3)] if "mgi" in methods else [scores("unet", "not_used", 0)]
    )
    locks = {
        kind: {"source": source, "simulated": simulated, "items": [{"patient_id": name} for name in PATIENTS]}
        for kind, source in (("rna", "gdc"), ("flair", "kaggle"))
    }
    return Results(
        cohort=pd.DataFrame({"patient_id": PATIENTS, "site": "CS", "status": "kept", "reason": None}),
        split=pd.DataFrame({"fold": 0, "patient_id": PATIENTS, "role": "test"}),
        locks=locks,
        lock_digests={"rna": "a" * 64, "flair": "b" * 64},
        results=results_table(table),
        no_genes=results_table(table[table["expression_input"] == "not_used"]),
        tests=paired_tests(table, "volume", 100, 0),
        audit=audit_table(table, "volume", 100, 0),
        patients=table,
        headline="volume",
        reporting=reporting,
        section=Section(html="", figures={}, links={}),
        analyses={},
        slices=dict.fromkeys(PATIENTS, 10),
        genes=None,
        curves=[],
        costs=[{"rule": "split", "jobs": 1, "wall_seconds": 1.0, "peak_mb": math.nan}],
        versions={"python": "3.11"},
        commit="c0ffee",
        machine="2 cores",
        config={"evaluation": {"bootstrap_draws": 100}},
    )


def results_table(patients: pd.DataFrame) -> pd.DataFrame:
    return _results(patients, scoring, draws=100, seed=0)


def drawn_page(given: Results, title: str = "T", **more: object) -> str:
    """The page with its section; `more` goes into what the section is made from."""
    tables = {name: getattr(given, name) for name in ("results", "no_genes", "tests", "patients", "headline")}
    more = {"simulated": given.simulated, "unpaired": 0, "predictions": [], "image_shard": Path(), **more}
    given = dataclasses.replace(given, section=reporting.section(ReportInput(**tables, **more)))
    return page(given, draw_all(given), title)


@pytest.mark.parametrize(
    ("permuted", "reading"),
    [
        (-0.2, "in this cohort the model uses what the genes say"),
        (0.0, "these results do not show that the model uses what the genes say"),
        (0.2, "in this cohort the own genes made the predictions worse"),
    ],
)
def test_the_paragraph_reads_the_gene_audit_by_its_interval(permuted: float, reading: str) -> None:
    assert reading in " ".join(result_sentences(results(permuted)))


def test_the_paragraph_compares_with_the_strongest_other_network_not_with_the_twin() -> None:
    text = " ".join(result_sentences(results()))
    assert "MGI scores higher than U-Net, the best of the other networks." in text
    assert "Trained again without genes, MGI scores lower." in text


def test_no_control_of_mgi_is_another_network_and_each_has_its_sentence() -> None:
    given = results()
    strong = [scores("mgi-random-id", "own", 0.2), scores("mgi-no-pretraining", "own", 0.1)]
    table = pd.concat([given.patients, *strong], ignore_index=True)
    more = dataclasses.replace(
        given,
        patients=table,
        results=results_table(table),
        tests=paired_tests(table, "volume", 100, 0),
        audit=audit_table(table, "volume", 100, 0),
    )
    text = " ".join(result_sentences(more))
    assert "than U-Net, the best of the other networks." in text
    assert "Trained again on a fixed random vector per patient, MGI scores higher." in text
    assert "Trained again without pre-training, MGI scores higher." in text


def test_ensembles_have_rows_and_a_sentence_of_their_own_and_stand_against_that_of_mgi() -> None:
    given = results()
    more = [scores("unet-ensemble", "not_used", 0.1), scores("mgi-ensemble", "own", 0.15)]
    table = pd.concat([given.patients, *more], ignore_index=True)
    tests = paired_tests(table, "volume", 100, 0)
    more = dataclasses.replace(given, patients=table, results=results_table(table), tests=tests)
    text = " ".join(result_sentences(more))
    assert "than U-Net, the best of the other networks." in text
    assert "by the mean of their logits: MGI 0.938, U-Net 0.875." in text
    leads = tests.set_index("method")["difference"]
    assert leads["unet-ensemble"] == pytest.approx(0.05 * 1.25)
    assert leads["mgi-ensemble"] == pytest.approx(-0.15 * 1.25)
    drawn = drawn_page(more)
    assert "U-Net, ensemble" in drawn
    assert "An ensemble is the mean" in drawn
    assert "An ensemble is the mean" not in drawn_page(given)


def test_without_mgi_the_paragraph_speaks_of_what_there_is() -> None:
    (sentence,) = result_sentences(results(methods=("unet",)))
    assert "U-Net reached a mean volume Dice of 0.750" in sentence


def test_without_scores_the_paragraph_says_so() -> None:
    nothing = dataclasses.replace(results(), results=results().results.iloc[:0])
    assert result_sentences(nothing) == ["No method has been evaluated yet."]


def test_the_summary_is_json_without_nan_and_rounded() -> None:
    content = summary(results())
    text = json.dumps(content, allow_nan=False)
    assert json.loads(text) == content
    assert content["rules"] == [{"rule": "split", "jobs": 1, "wall_seconds": 1.0, "peak_mb": None}]
    assert content["cohort"]["genes"] is None
    assert content["audit"]["permuted"]["mean"] == round(content["audit"]["permuted"]["mean"], 6)


def test_real_data_carry_no_banner_and_simulated_data_do() -> None:
    assert "SIMULATED" not in drawn_page(results())
    assert drawn_page(results(simulated=True)).count("SIMULATED") >= 3


def test_a_title_cannot_bring_markup() -> None:
    assert "<script>alert" not in drawn_page(results(), "<script>alert(1)</script>")


def test_the_page_says_what_predicting_nothing_would_score() -> None:
    assert "would score 0.600" in drawn_page(results())


def test_the_same_results_give_the_same_page() -> None:
    assert drawn_page(results()) == drawn_page(results())


def test_patients_without_expression_have_a_table_where_there_are_any() -> None:
    given = results()
    assert "without genes</h3>" not in drawn_page(given)
    text = drawn_page(given, unpaired=1)
    assert "All patients with an image, without genes</h3>" in text
    assert "1 patient has an image and no expression" in text


def test_what_leaks_is_shown_with_its_watermark() -> None:
    assert 'id="protocols"' not in drawn_page(results())
    row = {"split_unit": "slice", "method": "unet", "expression_input": "not_used", "mean": 0.9,
           "definition": "slice_all_empty_one",
           "low": 0.8, "high": 0.95, "patients": 6, "slices": 60, "watermark": "NOT comparable: it leaks"}  # fmt: skip
    text = drawn_page(results(), leaky=pd.DataFrame([row]))
    assert "NOT comparable: it leaks" in text


def test_memory_that_was_not_measured_is_a_dash() -> None:
    text = drawn_page(results())
    assert '<th scope="row">split</th><td>1</td><td data-sort="1.0">1.0 s</td><td>–</td>' in text


def test_a_lock_shows_release_or_collection() -> None:
    given = results()
    locks = {**given.locks, "flair": {**given.locks["flair"], "collection": "TCGA-LGG"}}
    text = drawn_page(dataclasses.replace(given, locks=locks))
    assert '<td class="text">kaggle</td><td class="text">TCGA-LGG</td><td class="text"><code>bbb' in text
    assert '<td class="text">gdc</td><td class="text">–</td><td class="text"><code>aaa' in text


def test_every_patient_is_counted_where_it_stopped() -> None:
    cohort = pd.DataFrame(
        [
            ("A", "CS", "kept", None),
            ("B", "DU", "kept", None),
            ("C", "DU", "dropped", "no mask"),
            ("D", "DU", "dropped", "image rejected: 2 slices"),
            ("E", "DU", "dropped", "image rejected: no geometry"),
        ],
        columns=["patient_id", "site", "status", "reason"],
    )
    split = pd.DataFrame(
        [(0, "A", "train"), (0, "B", "test"), (1, "B", "train"), (1, "A", "test")],
        columns=["fold", "patient_id", "role"],
    )
    locks = {
        "rna": {"items": [{"patient_id": "A"}, {"patient_id": "A"}, {"patient_id": "B"}]},
        "flair": {"items": [{"patient_id": name} for name in "ABCDE"]},
    }
    patients = pd.DataFrame({"patient_id": ["A", "A", "B"]})
    counted = {"cohort": cohort, "split": split, "locks": locks, "patients": patients}
    assert dataclasses.replace(results(), **counted, slices={"A": 10, "B": 12, "C": 99}).flow == {
        "found": {"rna": 2, "flair": 5}, "known": 5, "patients": 2, "slices": 22, "tested": 2, "folds": 2,
        "folds_tested": 2, "sites": 2, "train": 1, "validation": 0, "dropped": {"image rejected": 2, "no mask": 1},
    }  # fmt: skip


def test_folds_that_no_run_tested_are_not_counted_as_tested() -> None:
    folds = [(fold, name, "test") for fold, name in enumerate(PATIENTS)]
    split = pd.DataFrame(folds, columns=["fold", "patient_id", "role"])
    given = dataclasses.replace(results(), split=split, config={"runs": {"folds": [0]}})
    assert f"1 of {len(PATIENTS)} folds tested, split by patient" in drawn_page(given)
    whole = dataclasses.replace(given, config={"runs": {"folds": list(range(len(PATIENTS)))}})
    assert f"· {len(PATIENTS)} folds, split by patient" in drawn_page(whole)


def test_an_analysis_has_its_part_its_link_its_note_and_its_figure() -> None:
    part = Section(html="<p>what was found</p>", figures={"forest": "data:x"}, links={"probe": "Probe"}, notes=["mind"])
    given = dataclasses.replace(results(), analyses={"probe": part})
    text = drawn_page(given)
    for expected in ("<p>what was found</p>", '<a href="#probe">Probe</a>', "<li>mind</li>"):
        assert expected in text
        assert expected not in drawn_page(results())
    assert draw_all(given)["forest"] == "data:x"


def test_who_has_which_modality_stands_behind_the_cohort_with_its_link_and_figure() -> None:
    part = Section(html="<p>by patient</p>", figures={"presence": "data:y"}, links={"presence": "Modalities"})
    given = dataclasses.replace(results(), presence=part)
    text = drawn_page(given)
    assert text.index('<section id="cohort">') < text.index("<p>by patient</p>") < text.index('<section id="genes">')
    for expected in ("<p>by patient</p>", '<a href="#presence">Modalities</a>'):
        assert expected not in drawn_page(results())
    assert draw_all(given)["presence"] == "data:y"
