"""Paragraph, summary and page on results small enough to read."""

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from mgi.evaluation.cohort_tables import audit_table, paired_tests
from mgi.reporting.figures import draw_all
from mgi.reporting.page import page, summary
from mgi.reporting.results import Results, RunCurve
from mgi.reporting.wording import result_sentences
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.segmentation import reporting
from small_results import PATIENTS, results, results_table, scores


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


@pytest.mark.parametrize(
    ("simulation", "said"),
    [
        ({"genes_drive_images": True}, "genes shape the images"),
        ({"genes_drive_images": False}, "genes have nothing to do with the images"),
        ({}, "A program generated the cohort. "),
        (None, "A program generated the cohort. "),
    ],
)
def test_the_report_of_a_simulated_cohort_says_what_its_genes_do(simulation: dict[str, bool] | None, said: str) -> None:
    given = dataclasses.replace(results(simulated=True), config={"simulation": simulation})
    assert said in drawn_page(given)
    assert "A program generated" not in drawn_page(dataclasses.replace(results(), config={"simulation": simulation}))


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
    assert '<td class="text">kaggle</td><td class="text">TCGA-LGG</td><td class="text digest"><code>bbb' in text
    assert '<td class="text">gdc</td><td class="text">–</td><td class="text digest"><code>aaa' in text


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


def test_counts_are_of_the_folds_that_were_run() -> None:
    roles = [(0, name, "train" if i else "test") for i, name in enumerate(PATIENTS)]
    roles += [(1, name, "validation" if i else "test") for i, name in enumerate(PATIENTS)]
    split = pd.DataFrame(roles, columns=["fold", "patient_id", "role"])
    given = dataclasses.replace(results(), split=split, config={"runs": {"folds": [0]}})
    assert (given.flow["train"], given.flow["validation"]) == (5, 0)
    assert "patients of the fold tested" in drawn_page(given)


def test_a_failed_pretraining_is_said_beside_the_result_and_one_that_did_not_fail_in_its_section_alone() -> None:
    def text(last: float) -> str:
        points = [
            {"step": at, "loss_above_min": loss, "chance_loss_above_min": 3.6} for at, loss in ((0, 3.7), (9, last))
        ]
        return drawn_page(
            dataclasses.replace(results(), curves=[RunCurve("pretrain-fold0-seed0", None, pd.DataFrame(points))])
        )

    assert text(4.8).count("Pre-training (pretrain) failed") == 2
    assert 'class="warning"' not in text(3.0)
    assert text(3.0).count("ended better than a guess") == 1


def test_scores_by_hospital_and_size_need_hospitals_and_patients() -> None:
    given = results()
    voxels = {"true_voxels": [100.0, 200, 300, 400, 500, 600], "predicted_voxels": [110.0, 190, 320, 380, 520, 500]}
    table = given.patients.assign(**{name: values * 4 for name, values in voxels.items()})
    given = dataclasses.replace(given, patients=table)
    text = drawn_page(given, sites={name: "AB" if i % 2 else "CD" for i, name in enumerate(PATIENTS)})
    assert '<th scope="row">AB</th><td>3</td>' in text
    assert 'smallest third<span class="under">100 to 200 voxels</span>' in text
    assert "By hospital" not in drawn_page(given)
    in_ml = drawn_page(given, voxel_ml=dict.fromkeys(PATIENTS, 0.01))
    assert 'smallest third<span class="under">1 to 2 mL</span>' in in_ml
