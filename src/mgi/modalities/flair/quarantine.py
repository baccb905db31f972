"""The wall around parsers of hostile files: what they raise leaves as one named error, their warnings not at all."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from mgi.core.errors import BadInputError, MgiError


class _Silence:
    """Warnings are off while any thread is inside: the filters belong to the process, so the first to come sets them
    and the last to leave restores them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_SILENCE = _Silence()


@contextmanager
def quarantine(where: str, form: str = "DICOM") -> Iterator[None]:
    """Turn any failure of a parser on this file into BadInputError; nine kinds were met in 29,000 mutated DICOM files.

    A value that breaks its type is judged by our own checks, so a warning about it says nothing new.
    """
    try:
        with _SILENCE:
            yield
    except MgiError as error:
        raise type(error)(printable(str(error), 400)) from None
    except Exception as error:  # noqa: BLE001
        text = printable(" ".join(str(error).split()), 160)
        raise BadInputError(f"{where}: not readable as {form} ({type(error).__name__}: {text})") from None


def printable(text: str, most: int) -> str:
    """Make text that a file supplied fit for one line of a log: no control characters, and not longer than `most`."""
    head = text[:most]
    return head if head.isprintable() else "".join(one if one.isprintable() else "?" for one in head)
