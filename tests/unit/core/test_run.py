import json
from dataclasses import replace
from typing import Any

import pytest

from mgi.core.errors import BadInputError
from mgi.core.run import CONTROLS, Run, run_of
from mgi.core.section import read_record

MGI = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), pretrained="pretrain-fold2-seed1", fold=2, seed=1)


@pytest.mark.parametrize(
    ("change", "key", "label"),
    [
        ({}, "mgi-fold2-seed1", "mgi"),
        ({"control": "no-genes"}, "mgi-no-genes-fold2-seed1", "mgi-no-genes"),
        ({"control": "random-id", "split_unit": "slice"}, "mgi-random-id-slice-fold2-seed1", "mgi-random-id"),
        ({"method": "unet"}, "unet-fold2-seed1", "unet"),
        ({"task": "pretraining"}, "pretrain-fold2-seed1", "mgi"),
        ({"task": "pretraining", "control": "random-id"}, "pretrain-random-id-fold2-seed1", "mgi-random-id"),
        ({"task": "survival"}, "mgi-survival-fold2-seed1", "mgi"),
        ({"task": "pretraining", "of_image": "flair"}, "pretrain-flair-fold2-seed1", "mgi"),
        ({"variant": "flat"}, "mgi-flat-fold2-seed1", "mgi-flat"),
        ({"task": "pretraining", "variant": "flat"}, "pretrain-flat-fold2-seed1", "mgi-flat"),
        ({"variant": "flat", "members": ("a", "b")}, "mgi-flat-ensemble-fold2-seed1", "mgi-flat-ensemble"),
    ],
)
def test_key_and_label_are_said_in_the_words_of_the_config(change: dict[str, Any], key: str, label: str) -> None:
    run = replace(MGI, **change)
    assert (run.key, run.label) == (key, label)


def test_a_record_gives_the_same_run_back() -> None:
    for control in (None, *CONTROLS):
        run = replace(MGI, control=control)
        assert read_record(Run, run.as_json(), "x") == read_record(Run, run.record(), "x") == run
        assert run_of({b"run": run.as_json().encode()}, "x") == run_of({"run": run.record()}, "x") == run


def test_a_run_of_no_variant_has_the_record_that_it_had() -> None:
    run = replace(MGI, variant="flat", also_pretrained=("a",), of_image="flair")
    assert not {"variant", "also_pretrained", "of_image"} & set(MGI.record())
    assert read_record(Run, run.as_json(), "x") == run


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("{", "x: not JSON"),
        ("[1]", "x: found list"),
        ({**MGI.record(), "genes": "real"}, "x.genes: unknown key"),
        ({key: value for key, value in MGI.record().items() if key != "fold"}, "x.fold: missing"),
        ({**MGI.record(), "control": "scratch"}, 'x.control: found "scratch"'),
        ({**MGI.record(), "seed": "0"}, 'x.seed: found "0", expected int'),
    ],
)
def test_what_is_no_run_is_refused_by_field(given: Any, field: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_record(Run, given, "x")
    assert str(refused.value).startswith(field)


def test_a_file_of_an_older_version_says_so() -> None:
    with pytest.raises(BadInputError, match=r"p\.parquet: .*'spec'.*'run'"):
        run_of({b"spec": json.dumps({"key": "mgi-real-fold0-seed0"}).encode()}, "p.parquet")
