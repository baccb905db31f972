"""The four ways in which the sources write a date, as one."""

import re
from datetime import date

from mgi.core.errors import BadInputError

_MONTH_FIRST = re.compile(r"^(?P<m>\d{2})[-/](?P<d>\d{2})[-/](?P<y>\d{4})$")
_YEAR_FIRST = re.compile(r"^(?P<y>\d{4})(?P<sep>[-./]?)(?P<m>\d{2})(?P=sep)(?P<d>\d{2})(?: .*)?$")


def iso_date(text: str) -> str:
    """YYYY-MM-DD from MM-DD-YYYY (NBIA v4), YYYY-MM-DD with or without time (v1), YYYYMMDD (Kaggle) or YYYY.MM.DD.

    Raises BadInputError for anything else and for days that do not exist.
    """
    found = _MONTH_FIRST.match(text.strip()) or _YEAR_FIRST.match(text.strip())
    try:
        if found is not None:
            return date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat()
    except ValueError:
        pass
    raise BadInputError(f"'{text}': not a date; expected MM-DD-YYYY, YYYY-MM-DD, YYYYMMDD or YYYY.MM.DD")
