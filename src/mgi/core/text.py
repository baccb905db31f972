"""What a service or a file says, made safe to show: no control characters, one line, of bounded length."""

MOST = 200


def escaped(text: str) -> str:
    """The text with every character that is not printable escaped (`\\x1b`), white space as a plain space.

    Control characters move the cursor of a terminal, and lone surrogates cannot be written to any file.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char.isspace() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def printable(said: object, most: int = MOST) -> str:
    """What others said on one line, escaped and cut after `most` characters; the length is told where it is cut."""
    text = str(said)
    line = " ".join(escaped(text[: 8 * most]).split())
    if len(line) <= most and len(text) <= 8 * most:
        return line
    return f"{line[:most]}… ({len(text)} characters)"
