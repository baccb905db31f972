import pytest

from mgi.core.text import escaped, printable


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain text, ü and 腦", "plain text, ü and 腦"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("one\n  two\r\tthree\u2028four", "one two three four"),
        ("safe\u202egpj.exe", r"safe\u202egpj.exe"),
        ("\ud800", r"\ud800"),
        ("\x00\x7f\x9b31m", r"\x00\x7f\x9b31m"),
        (b"\x1b", r"b'\x1b'"),
        (None, "None"),
    ],
)
def test_nothing_that_is_shown_moves_a_cursor(said, shown):
    assert printable(said) == shown
    assert printable(said).isprintable()
    printable(said).encode("utf-8")


def test_what_is_long_is_cut_and_its_length_told():
    assert printable("x" * 200) == "x" * 200
    assert printable("x" * 201) == "x" * 200 + "… (201 characters)"
    assert len(printable("\x1b" * 10_000_000, 50)) < 80
    assert printable(" " * 5_000 + "end").endswith("(5003 characters)")


def test_escaping_keeps_every_other_character():
    assert escaped("a  b ") == "a  b "
    assert escaped("a\nb\x00") == "a b\\x00"
