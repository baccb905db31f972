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
        (["A", "C", "B", "D"], "the same 4 genes in another order, 2 of them elsewhere; .* 2: found 'C', exp.* 'B'"),
        (["A", "B", "X", "Y"], "2 of its 4 genes are missing and 2 of the 4 given are not its own; .* 3: found 'X'"),
        (["A", "B", "C"], "1 of its 4 genes are missing and 0 of the 3 given .* gene 4: found none, expected 'D'"),
        ([*GENES, "E"], "0 of its 4 genes are missing and 1 of the 5 given .* gene 5: found 'E', expected none"),
        (["X", *GENES], "0 of its 4 genes are missing and 1 of the 5 given .* gene 1: found 'X', expected 'A'"),
        (["A", "A", "B", "C"], "1 of its 4 genes are missing and 1 of the 4 given .* gene 2: found 'A', expected 'B'"),
        ([], "4 of its 4 genes are missing"),
    ],
)  # fmt: skip
def test_another_list_is_refused_with_the_number_and_the_first_that_differs(given: list[str], said: str) -> None:
    with pytest.raises(BadInputError, match=f"^w: trained on another gene list: {said}"):
        require_same_genes(GENES, given, where="w")


def test_the_same_sets_pass_and_none_is_like_none() -> None:
    require_same_sets({"S": [0, 1]}, {"S": (0, 1)}, where="w")
    require_same_sets(None, None, where="w")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"S": [0, 1], "T": [3]}, "1 of 2 differ, the first is set 2: found 'T', expected 'T' with the genes that it"),
        ({"T": [2], "S": [0, 1]}, "2 of 2 differ, the first is set 1: found 'T', expected 'S'"),
        ({"S": [0, 1]}, "1 of 2 differ, the first is set 2: found none, expected 'T'"),
        (None, "2 of 2 differ, the first is set 1: found none, expected 'S'"),
    ],
)
def test_other_sets_are_refused_by_name(given, said: str) -> None:
    with pytest.raises(BadInputError, match=f"^w: trained on other gene sets: {said}"):
        require_same_sets({"S": [0, 1], "T": [2]}, given, where="w")
