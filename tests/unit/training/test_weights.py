import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from mgi.core.errors import BadInputError, ResourceError
from mgi.core.run import Run
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.training.weights import (
    digest_of_tensors,
    load_weights,
    require_same_genes,
    require_same_sets,
    save_weights,
)

GENES = [f"G{index}" for index in range(10)]
RUN = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)


ALONE, ALL = ("flair",), ("pre", "flair", "post")


def save(path: Path, settings: ModelSettings, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = build_mgi(settings, len(GENES))
    save_weights(path, model, run=RUN, model=settings, genes=GENES)
    return model


def test_weights_come_back_with_all_that_is_needed_to_use_them(tmp_path: Path, model_settings) -> None:
    path = tmp_path / "weights.safetensors"
    model = save(path, model_settings)
    found = load_weights(path, genes=GENES)
    assert (found.run, found.model, found.genes, found.gene_sets) == (RUN, model_settings.reading(ALONE), GENES, None)
    state = model.state_dict()
    assert found.tensors.keys() == state.keys()
    assert all(torch.equal(found.tensors[name], state[name]) for name in state)
    build_mgi(found.model, len(found.genes)).load_state_dict(found.tensors)


def test_weights_say_which_channels_they_read_where_these_are_more_than_flair(tmp_path: Path, model_settings) -> None:
    for name, settings in (("plain", model_settings), ("alone", model_settings.reading(ALONE))):
        save(tmp_path / name, settings)
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "alone").read_bytes()
    save(tmp_path / "all", model_settings.reading(ALL))
    found = load_weights(tmp_path / "all", genes=GENES).model
    assert (found.channels, found.plain()["channels"], found.image_channels) == (ALL, list(ALL), 3)
    assert "channels" not in load_weights(tmp_path / "alone", genes=GENES).model.plain()


def test_equal_weights_are_equal_bytes(tmp_path: Path, model_settings) -> None:
    files = []
    for name in "abcd":
        save(tmp_path / name, model_settings)
        files.append((tmp_path / name).read_bytes())
    assert len(set(files)) == 1
    save(tmp_path / "e", model_settings, seed=1)
    assert (tmp_path / "e").read_bytes() != files[0]


def test_another_gene_list_or_order_is_refused_by_its_first_difference(tmp_path: Path, model_settings) -> None:
    path = tmp_path / "weights.safetensors"
    save(path, model_settings)
    with pytest.raises(BadInputError, match=r"weights\.safetensors: .*gene list: .*order"):
        load_weights(path, genes=GENES[::-1])
    with pytest.raises(BadInputError, match=r"gene list: .* 10: .*none.*'G9'"):
        load_weights(path, genes=GENES[:-1])


def test_gene_sets_come_back_in_their_order(tmp_path: Path, model_settings) -> None:
    settings = model_settings.but(gene_tokens="pathway")
    sets = {"Z": [0, 1], "A": [2], "M": [1, 9]}
    model = build_mgi(settings, len(GENES), sets)
    save_weights(tmp_path / "w", model, run=RUN, model=settings, genes=GENES, gene_sets=sets)
    found = load_weights(tmp_path / "w", genes=GENES)
    assert found.gene_sets is not None
    assert list(found.gene_sets.items()) == list(sets.items())
    build_mgi(found.model, len(found.genes), found.gene_sets).load_state_dict(found.tensors)


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "header"])
def test_a_damaged_file_is_named_in_one_line_with_the_remedy(damage: str, tmp_path: Path, model_settings) -> None:
    path = tmp_path / "weights.safetensors"
    save(path, model_settings)
    data = path.read_bytes()
    path.write_bytes(
        {"cut": data[:-100], "garbage": b"x" * 500, "empty": b"", "header": data[:9] + b"?" + data[10:]}[damage]
    )
    with pytest.raises(BadInputError, match=r"weights\.safetensors: .*safetensors") as caught:
        load_weights(path, genes=GENES)
    assert "\n" not in str(caught.value)


def test_a_single_flipped_bit_of_a_number_is_noticed(tmp_path: Path, model_settings) -> None:
    path = tmp_path / "weights.safetensors"
    save(path, model_settings)
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=r"weights\.safetensors: .*numbers"):
        load_weights(path, genes=GENES)


def test_a_missing_file_and_weights_of_another_program_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"/nowhere: "):
        load_weights(tmp_path / "nowhere", genes=GENES)
    save_file({"w": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(BadInputError, match=r"format None.*mgi-weights-5"):
        load_weights(tmp_path / "foreign", genes=GENES)


def test_a_failed_write_leaves_the_old_weights(tmp_path: Path, model_settings, monkeypatch) -> None:
    path = tmp_path / "weights.safetensors"
    save(path, model_settings)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mgi.training.weights.save", full)
    with pytest.raises(ResourceError, match=r"weights\.safetensors: .*space"):
        save(path, model_settings, seed=1)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("found", "flipped"), [(b'fold\\": 0', b'fold\\": 1'), (b'\\"G7\\"', b'\\"G8\\"')])
def test_what_is_said_about_the_numbers_is_guarded_too(
    tmp_path: Path, model_settings, found: bytes, flipped: bytes
) -> None:
    path = tmp_path / "weights.safetensors"
    save(path, model_settings)
    data = path.read_bytes()
    assert data.count(found) == 1
    path.write_bytes(data.replace(found, flipped))
    with pytest.raises(BadInputError, match=r"weights\.safetensors: .*numbers"):
        load_weights(path, genes=GENES)


def test_the_file_says_what_it_is_to_any_reader(tmp_path: Path, model_settings) -> None:
    save(tmp_path / "w", model_settings)
    with safe_open(tmp_path / "w", framework="pt") as source:
        assert json.loads(source.metadata()["mgi"])["run"] == RUN.record()


def test_the_digest_tells_names_types_shapes_and_numbers_apart_and_not_order() -> None:
    tensor = torch.zeros(4)
    digests = [
        digest_of_tensors(tensors)
        for tensors in (
            {"x": tensor},
            {"y": tensor},
            {"x": tensor.view(2, 2)},
            {"x": tensor.int()},
            {"x": tensor + 1},
            {"x": torch.tensor(0.0)},
        )
    ]
    assert len(set(digests)) == 6
    assert digest_of_tensors({"a": tensor, "b": tensor + 1}) == digest_of_tensors({"b": tensor + 1, "a": tensor})


FOUR = ["A", "B", "C", "D"]


def test_the_same_genes_in_the_same_order_pass() -> None:
    require_same_genes(FOUR, list(FOUR), where="w")
    require_same_genes([], [], where="w")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["A", "C", "B", "D"], "4 .*order, 2 .* 2: .*'C'.*'B'$"),
        (["A", "B", "X", "Y"], "2 .*4 .*missing .*2 .*4 .* 3: .*'X'.*'C'$"),
        (["A", "B", "C"], "1 .*4 .*missing .*0 .*3 .* 4: .*none.*'D'$"),
        ([*FOUR, "E"], "0 .*4 .*missing .*1 .*5 .* 5: .*'E'.*none$"),
        (["X", *FOUR], "0 .*4 .*missing .*1 .*5 .* 1: .*'X'.*'A'$"),
        (["A", "A", "B", "C"], "1 .*4 .*missing .*1 .*4 .* 2: .*'A'.*'B'$"),
        ([], "4 .*4 .*missing"),
    ],
)  # fmt: skip
def test_another_list_is_refused_with_the_number_and_the_first_that_differs(given: list[str], said: str) -> None:
    with pytest.raises(BadInputError, match=f"^w: .*gene list: .*{said}"):
        require_same_genes(FOUR, given, where="w")


def test_the_same_sets_pass_and_none_is_like_none() -> None:
    require_same_sets({"S": [0, 1]}, {"S": (0, 1)}, where="w")
    require_same_sets(None, None, where="w")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"S": [0, 1], "T": [3]}, "1 of 2 .*set 2: .*'T'.*'T'"),
        ({"T": [2], "S": [0, 1]}, "2 of 2 .*set 1: .*'T'.*'S'"),
        ({"S": [0, 1]}, "1 of 2 .*set 2: .*none.*'T'"),
        (None, "2 of 2 .*set 1: .*none.*'S'"),
    ],
)
def test_other_sets_are_refused_by_name(given, said: str) -> None:
    with pytest.raises(BadInputError, match=f"^w: .*gene sets: {said}"):
        require_same_sets({"S": [0, 1], "T": [2]}, given, where="w")
