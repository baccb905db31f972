"""JSON that a person may have edited, read so that nothing in it is lost."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError


def read_once(path: Path | str) -> Any:
    """The parsed file; a name written twice would silently lose one of its values.

    Raises BadInputError where it is empty, no JSON, or has a name twice in one block.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in pairs)
        if twice := sorted(name for name, count in counts.items() if count > 1):
            raise BadInputError(f"{path}: {twice[0]} is written twice in one block, expected once")
        return dict(pairs)

    try:
        text = Path(path).read_text(encoding="utf-8")
        if text.strip():
            given = json.loads(text, object_pairs_hook=unique)
            # What could be read but not written again: NaN, halves of characters.
            json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
            return given
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON ({error})") from None
    raise BadInputError(f"{path}: empty, expected a lock")
