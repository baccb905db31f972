import pytest

from mgi.core.errors import BadInputError
from mgi.training.frozen_genes import require_same_genes, require_same_sets

GENES = ["A", "B", "C", "D"]


def test_the_same_genes_in_the_same_order_pass() -> None:
    require_same_genes(GENES, list(GENES), where="w")
    require_same_genes([], [], where="w")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["A", "C", "B", "D"], "4 .*order, 2 .* 2: .*'C'.*'B'$"),
        (["A", "B", "X", "Y"], "2 .*4 .*missing .*2 .*4 .* 3: .*'X'.*'C'$"),
        (["A", "B", "C"], "1 .*4 .*missing .*0 .*3 .* 4: .*none.*'D'$"),
        ([*GENES, "E"], "0 .*4 .*missing .*1 .*5 .* 5: .*'E'.*none$"),
        (["X", *GENES], "0 .*4 .*missing .*1 .*5 .* 1: .*'X'.*'A'$"),
        (["A", "A", "B", "C"], "1 .*4 .*missing .*1 .*4 .* 2: .*'A'.*'B'$"),
        ([], "4 .*4 .*missing"),
    ],
)  # fmt: skip
def test_another_list_is_refused_with_the_number_and_the_first_that_differs(given: list[str], said: str) -> None:
    with pytest.raises(BadInputError, match=f"^w: .*gene list: .*{said}"):
        require_same_genes(GENES, given, where="w")


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
