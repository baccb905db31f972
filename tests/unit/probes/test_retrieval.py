from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mgi.probes.maps import maps
from mgi.probes.retrieval import retrieval, retrieval_of_modalities
from mgi.probes.settings import ProbeSettings

SETTINGS = ProbeSettings(bootstrap_draws=100)


def test_equal_vectors_are_found_first_and_others_by_chance(make_embeddings: Any) -> None:
    rows = retrieval([make_embeddings(0), make_embeddings(1)], SETTINGS)
    assert {(row["fold"], row["n"]) for row in rows} == {("0", 12), ("1", 12), ("all", 24)}
    image = [row for row in rows if row["image"] == "image"]
    assert {row["retrieved"] for row in image} == {1.0}
    assert {row["mean_rank"] for row in image} == {1.0}
    other = [row for row in rows if row["image"] == "image_tumour" and row["fold"] == "all"]
    assert [row["chance"] for row in other] == pytest.approx([1 / 12, 5 / 12, 10 / 12])
    assert {row["chance_rank"] for row in other} == {6.5}
    assert 2 < other[0]["mean_rank"] < 11


def test_equal_genes_of_all_are_no_find(make_embeddings: Any) -> None:
    one = make_embeddings(0)
    vectors = {**one.vectors, "genes_projected": np.ones_like(one.vectors["genes_projected"])}
    rows = retrieval([replace(one, vectors=vectors)], SETTINGS)
    assert {row["retrieved"] for row in rows} == {0.0}


def test_who_has_no_vector_is_left_out(make_embeddings: Any) -> None:
    one = make_embeddings(0)
    image = one.vectors["image_projected"].copy()
    image[one.roles.index("test")] = np.nan
    rows = retrieval([replace(one, vectors={**one.vectors, "image_projected": image})], SETTINGS)
    assert {row["n"] for row in rows if row["image"] == "image"} == {11}


def test_a_map_has_the_test_patients_on_axes_of_training(make_embeddings: Any) -> None:
    one = make_embeddings(0)
    rows = maps([one], dict.fromkeys(one.patient_ids, "AA"))
    own = [row for row in rows if row["vectors"] == "genes"]
    tested = [patient for patient, role in zip(one.patient_ids, one.roles, strict=True) if role == "test"]
    assert [row["patient_id"] for row in own] == tested
    assert {row["site"] for row in own} == {"AA"}
    assert 0 < own[0]["y_share"] < own[0]["x_share"] < 1
    vectors = one.vectors["genes"].copy()
    vectors[[role == "test" for role in one.roles]] *= 5
    again = maps([replace(one, vectors={**one.vectors, "genes": vectors})], {})
    assert again[0]["x_share"] == rows[0]["x_share"]


def test_each_modality_of_a_pretraining_has_rows_of_its_own(make_embeddings: Any) -> None:
    one = make_embeddings(0)
    far = np.where(np.arange(60)[:, None] % 2, np.nan, one.vectors["genes"]).astype(np.float32)
    more = {"cn": far, "cn_projected": far, "cn_untrained": far}
    several = replace(one, vectors={**one.vectors, **more}, modalities=("cn",))
    rows = retrieval_of_modalities([several], SETTINGS)
    assert {(row["modality"], row["image"], row["fold"]) for row in rows} == {
        (modality, image, "0") for modality in ("cn", "rna") for image in ("image", "image_tumour")
    }
    own = {(row["modality"], row["image"], row["k"]): row for row in rows}
    assert own["rna", "image", 1]["retrieved"] == 1.0
    tested = [number for number, role in enumerate(one.roles) if role == "test"]
    assert own["cn", "image", 1]["n"] == sum(number % 2 == 0 for number in tested) < len(tested)
    assert [row["n"] for row in retrieval([several], SETTINGS) if row["image"] == "image"] == [12] * 3


def test_a_pretraining_that_read_no_expression_has_no_rows_of_it(make_embeddings: Any) -> None:
    one = make_embeddings(0)
    none = np.full((60, 1), np.nan, np.float32)
    more = {"genes": none, "genes_projected": none, "genes_untrained": none}
    own = {f"cn{ending}": one.vectors[f"genes{ending}"] for ending in ("", "_projected", "_untrained")}
    alone = replace(one, vectors={**one.vectors, **more, **own}, modalities=("cn",))
    assert retrieval([alone], SETTINGS) == []
    assert {row["modality"] for row in retrieval_of_modalities([alone], SETTINGS)} == {"cn"}
    assert {row["vectors"] for row in maps([alone], {})} == {"image", "image_tumour", "cn"}
    empty = {name: np.empty((60, 0), np.float32) for name in more}  # as it is read again
    again = maps([replace(alone, vectors={**alone.vectors, **empty})], {})
    assert {row["vectors"] for row in again} == {"image", "image_tumour", "cn"}


def with_cn(one: Any) -> Any:
    """The same pre-training as if it had read copy number too, whose vectors are those of the genes."""
    more = {f"cn{ending}": one.vectors[f"genes{ending}"] for ending in ("", "_projected", "_untrained")}
    return replace(one, vectors={**one.vectors, **more}, modalities=("cn",))


def test_expression_alone_stands_beside_several_modalities_and_by_itself_has_no_rows(make_embeddings: Any) -> None:
    alone, one = make_embeddings(0), make_embeddings(0)
    several = with_cn(replace(one, run=replace(one.run, variant="both")))
    assert retrieval_of_modalities([alone], SETTINGS) == []
    rows = retrieval_of_modalities([alone, several], SETTINGS)
    assert list(dict.fromkeys((row["pretraining"], row["modality"]) for row in rows)) == [
        ("pretrain", "rna"), ("pretrain-both", "cn"), ("pretrain-both", "rna"),
    ]  # fmt: skip
    without = [{name: value for name, value in row.items() if name != "modality"} for row in rows[:6]]
    assert without == retrieval([alone], SETTINGS)


def test_the_patients_of_all_folds_are_pooled_for_each_modality(make_embeddings: Any) -> None:
    rows = retrieval_of_modalities([with_cn(make_embeddings(0)), with_cn(make_embeddings(1))], SETTINGS)
    assert {(row["modality"], row["fold"], row["n"]) for row in rows} == {
        (modality, fold, n) for modality in ("cn", "rna") for fold, n in (("0", 12), ("1", 12), ("all", 24))
    }


def test_an_image_without_vectors_of_a_tumour_is_retrieved_whole_alone(known) -> None:
    def whole(one: Any) -> Any:
        nothing = {
            name: np.full((60, 0), np.nan, np.float32) for name in one.vectors if name.startswith("image_tumour")
        }
        return replace(one, vectors={**one.vectors, **nothing})

    rows = retrieval([whole(one) for one in known.embeddings], ProbeSettings(bootstrap_draws=100))
    assert {row["image"] for row in rows} == {"image"}
