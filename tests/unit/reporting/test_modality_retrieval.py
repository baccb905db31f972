import base64
import re
from typing import Any

import pandas as pd
import pytest

from mgi.probes.tables import COLUMNS, OF_MODALITIES
from mgi.reporting.modality_retrieval import modality_retrieval

READ = {"pretrain": ("rna",), "pretrain-both": ("cn", "covariates", "rna"), "pretrain-cn": ("cn",)}


def table(folds: tuple[str, ...] = ("0",), seeds: tuple[int, ...] = (0,)) -> pd.DataFrame:
    """Rows of the probes; what is retrieved tells pre-training, modality, k, image and fold apart."""
    rows: list[dict[str, Any]] = []
    for run, (pretraining, read) in enumerate(READ.items()):
        for seed, fold, modality in ((seed, fold, name) for seed in seeds for fold in folds for name in read):
            for number, image in enumerate(("image", "image_tumour")):
                for k in (1, 5, 10):
                    found = 0.1 * run + 0.01 * len(modality) + 0.002 * k + 0.001 * number + 0.3 * (fold == "all")
                    rows.append(
                        {"pretraining": pretraining, "run_seed": seed, "fold": fold, "modality": modality,
                         "image": image, "k": k, "n": 20 - len(modality), "retrieved": found, "low": found / 2,
                         "high": found * 1.5, "chance": k / 20, "mean_rank": 5.0, "chance_rank": 10.0}
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS[OF_MODALITIES]))


def lines(html: str) -> list[list[str]]:
    """Name and first text of each cell of the visible table."""
    body = html[html.index("<tbody>") : html.index("</tbody>")]
    cells = re.findall(r"<tr><th[^>]*>(.*?)<.*?</th>(.*)</tr>", body)
    return [[name, *re.findall(r"<td>(?:<strong>)?([^<]*)", rest)] for name, rest in cells]


def test_pre_trainings_stand_side_by_side_and_what_one_did_not_read_is_a_dash() -> None:
    html, _ = modality_retrieval(table(), simulated=False)
    assert lines(html) == [
        ["as configured", "0.032", "–", "–"], ["both", "0.132", "0.122", "0.202"], ["cn", "–", "0.222", "–"],
    ]  # fmt: skip
    heads = re.findall(r'<th scope="col">(\w+)<span class="under">([^<]*)</span><span class="under">([^<]*)', html)
    assert heads[:3] == [
        ("rna", "17 patients", "chance 0.050"), ("cn", "18 patients", "chance 0.050"),
        ("covariates", "10 patients", "chance 0.050"),
    ]  # fmt: skip
    assert "0.066 to 0.198" in html


def test_every_k_and_image_vector_has_a_table() -> None:
    html, _ = modality_retrieval(table(), simulated=False)
    assert html.count("<table") == 6
    assert re.findall(r"<summary>(.*)</summary>", html) == [
        "Among the 5 nearest, by the whole image", "Among the 10 nearest, by the whole image",
        "The nearest, by the image at the tumour", "Among the 5 nearest, by the image at the tumour",
        "Among the 10 nearest, by the image at the tumour",
    ]  # fmt: skip


def test_of_several_folds_the_pooled_patients_are_shown() -> None:
    html, _ = modality_retrieval(table(("0", "1", "all")), simulated=False)
    assert lines(html)[0][1] == "0.332"
    assert "test patients of all folds whose" in html
    assert "of all folds" not in modality_retrieval(table(), simulated=False)[0]


def test_seeds_have_lines_of_their_own() -> None:
    html, _ = modality_retrieval(table(seeds=(0, 2)), simulated=False)
    names = [name for name, *_ in lines(html)]
    assert sorted(names) == ["as configured", "as configured, seed 2", "both", "both, seed 2", "cn", "cn, seed 2"]


def test_where_pre_trainings_ask_other_patients_the_head_says_so() -> None:
    rows = table()
    rows.loc[(rows["pretraining"] == "pretrain-cn"), "n"] = 12
    html, _ = modality_retrieval(rows, simulated=False)
    assert "12 to 18 patients" in html


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_the_figure_says_what_it_shows_and_what_not(seeds: tuple[int, ...]) -> None:
    html, figures = modality_retrieval(table(seeds=seeds), simulated=True)
    assert base64.b64decode(figures["retrieval_modalities"].partition("base64,")[2]).startswith(b"<?xml")
    assert figures["retrieval_modalities"] in html
    assert "Shown: " in html
    assert "Not shown: " in html
    assert (html, figures) == modality_retrieval(table(seeds=seeds), simulated=True)


def test_without_further_modalities_there_is_no_part() -> None:
    assert modality_retrieval(table().head(0), simulated=True) == ("", {})
