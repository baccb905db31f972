import threading
import warnings

import pytest

from mgi.core.errors import BadInputError, ResourceError
from mgi.modalities.flair.quarantine import quarantine


@pytest.mark.parametrize("error", [AttributeError("a"), ValueError("b"), KeyError("c"), NotImplementedError("d")])
def test_any_failure_is_named(error: Exception) -> None:
    with (
        pytest.raises(BadInputError, match=rf"here: .*DICOM \({type(error).__name__}"),
        quarantine("here"),
    ):
        raise error


@pytest.mark.parametrize("error", [BadInputError("own"), ResourceError("own")])
def test_our_own_errors_pass_unchanged(error: Exception) -> None:
    with pytest.raises(type(error), match=r"^own$"), quarantine("here"):
        raise error


def test_a_message_stays_one_printable_line_whatever_the_file_holds() -> None:
    for error in (BadInputError("field\n\x1b[31m\0" + "x" * 9999), ValueError("field\n\x1b[31m\0" + "x" * 9999)):
        with pytest.raises(BadInputError) as caught, quarantine("here"):
            raise error
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) <= 400


def test_the_format_is_named() -> None:
    with pytest.raises(BadInputError, match=r"x: .*NIfTI \(ValueError"), quarantine("x", "NIfTI"):
        raise ValueError


def test_warnings_are_silent_until_the_last_thread_has_left() -> None:
    """Two threads overlap: the first to leave must not switch warnings on under the second, nor leave them off."""
    before = list(warnings.filters)
    second_inside, first_left, failed = threading.Event(), threading.Event(), []

    def second() -> None:
        try:
            with quarantine("second"):
                second_inside.set()
                first_left.wait(5)
                warnings.warn("a value breaks its VR", stacklevel=1)  # an error where filters are on, as in these tests
        except BadInputError as error:
            failed.append(error)

    thread = threading.Thread(target=second)
    with quarantine("first"):
        thread.start()
        second_inside.wait(5)
    first_left.set()
    thread.join(5)
    assert failed == []
    assert warnings.filters == before
