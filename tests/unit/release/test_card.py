import dataclasses

import pytest

from mgi.core.run import Run
from mgi.evaluation.intervals import Interval
from mgi.release.card import CardContent, model_card


@pytest.fixture
def content(trained) -> CardContent:
    run = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), fold=1, seed=7)
    record = {
        "patients": {"train": 60, "validation": 10, "test": 12},
        "parameters": 1234567,
        "settings": {"schedule": {"steps": 500, "batch": 16}},
        "device": "cpu",
        "torch": "2.13.0",
    }
    return CardContent(
        run=run,
        record=record,
        model={"image_size": 64, "image_crop": "none"},
        images={"source": "kaggle", "patients": 110, "simulated": False},
        expression={"source": "gdc", "unit": "log2(TPM + 1)"},
        n_folds=5,
        n_genes=900,
        scaler="zscore",
        trained=trained,
        score_name="Dice",
        scores={"own": Interval(mean=0.75, low=0.7, high=0.8, n=12)},
        version="0.1.0",
        commit=None,
    )


def cells_of(card: str) -> dict[str, str]:
    """First and last cell of every row of every table."""
    rows = [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith("|")]
    return {row[0]: " | ".join(row[1:]) for row in rows}


def test_a_card_tells_what_is_on_record(content) -> None:
    cells = cells_of(model_card(content))
    assert cells["parameters"] == "1,234,567"
    assert cells["schedule"] == "500 steps of 16 slices on cpu"
    assert cells["own genes"] == "0.750 | 0.700 to 0.800 | 12"
    assert cells["rows x columns"] == "10 x 12 to 14"
    assert cells["slice step, mm"] == "not known"
    assert "fold 1 of 5" in cells["split"]


def test_the_licence_of_the_kaggle_images_is_told_where_they_were_used(content) -> None:
    assert "CC BY-NC-SA 4.0; the weights" in model_card(content)
    other = dataclasses.replace(content, images={"source": "tcia"})
    assert "CC BY-NC-SA" not in model_card(other)


def test_simulated_data_stand_in_the_title(content) -> None:
    assert "SIMULATED" not in model_card(content)
    card = model_card(dataclasses.replace(content, expression={"source": "gdc", "simulated": True}))
    assert "SIMULATED DATA" in card.splitlines()[0]
    assert "knows nothing of real ones" in card


def test_a_model_without_genes_says_so(content) -> None:
    unet = dataclasses.replace(content.run, method="unet", inputs=("flair",))
    assert cells_of(model_card(dataclasses.replace(content, run=unet)))["genes"].endswith("not read by this model")


def test_a_model_of_the_whole_cohort_has_nobody_left_to_test(content) -> None:
    whole = dataclasses.replace(content, run=dataclasses.replace(content.run, fold=5))
    assert "nobody left to test" in cells_of(model_card(whole))["split"]
    assert "patients of another archive" in model_card(whole)
    assert "was not tested" in model_card(dataclasses.replace(whole, scores={}))
