from mgi.core.repeats import first_repeated


def test_the_label_that_is_first_met_again_is_named() -> None:
    assert first_repeated(["a", "b", "c", "b", "a"]) == "b"
    assert first_repeated(iter("abc")) is None
    assert first_repeated([]) is None
