"""The stand-in's program ends in one line and an exit code, whatever happens in it."""

import re
from types import SimpleNamespace

import pytest

from mgi_standin import __main__ as program


@pytest.fixture
def failing(monkeypatch):
    """Put a command that raises in the place of every other."""

    def install(error: Exception) -> None:
        def run(args: object) -> None:
            raise error

        parser = SimpleNamespace(parse_args=lambda argv: None)
        monkeypatch.setattr(program, "_command", lambda name: SimpleNamespace(parser=lambda: parser, run=run))

    return install


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ZeroDivisionError("bug"), 70, "mistake of this program: ZeroDivisionError: bug"),
        (MemoryError("to allocate 9 GiB"), 6, "out of memory to allocate 9 GiB.*mem_mb"),
        (OSError(28, "No space left on device", "x"), 6, "x: No space left"),
    ],
)
def test_an_error_that_nobody_foresaw_is_said_last_in_one_line(failing, capsys, error, code, says):
    failing(error)
    assert program.main(["simulate"]) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("mgi_standin simulate: ")
    assert re.search(says, lines[-1])
    assert ("Traceback" in lines[0]) == (code == 70)
