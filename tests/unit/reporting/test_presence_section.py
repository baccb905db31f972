import base64

import numpy as np
import pandas as pd
import pytest

from mgi.cohort.tables import Cohort
from mgi.reporting.presence_figure import MOST_SHOWN
from mgi.reporting.presence_section import presence_section

NAMES = ("rna", "flair", "cn", "mirna", "rppa")


def cohort(names: tuple[str, ...] = NAMES, required: tuple[str, ...] = ("rna", "flair")) -> Cohort:
    """A patient for each combination of the modalities, one of whom has none."""
    has = (np.arange(2 ** len(names))[:, None] >> np.arange(len(names))) % 2 == 1
    table = pd.DataFrame(has, columns=list(names))
    table = table.assign(patient_id=[f"P{row}" for row in range(len(has))], site="<A>", status="kept")
    reasons = {f"{name}_reason": np.where(table[name], None, f"no {name}") for name in names}
    return Cohort(
        table=table.assign(**reasons), companions=dict.fromkeys(names, ()), images=("flair",), required=required
    )


def test_the_part_says_what_it_shows_what_not_and_how_many_have_all() -> None:
    found = presence_section(cohort(), simulated=True)
    assert found is not None
    assert found.links == {"presence": "Modalities"}
    assert "1 of 32 patients have all 5 modalities. The cohort requires rna and flair; who lacks" in found.html
    assert "Shown: " in found.html
    assert "Not shown: " in found.html
    assert f"{32 - MOST_SHOWN} further combinations, of {32 - MOST_SHOWN} patients, are in the strip" in found.html
    assert "&lt;A&gt;" in found.html
    assert '<tr><th scope="row">none</th><td>1</td><td>1</td></tr>' in found.html


def test_a_cohort_that_requires_all_does_not_say_that_anybody_else_stays() -> None:
    found = presence_section(cohort(required=NAMES), simulated=False)
    assert found is not None
    assert "requires all of them." in found.html
    assert "stays" not in found.html


@pytest.mark.parametrize("names", [NAMES[:1], NAMES[:2]])
def test_an_image_and_a_table_need_no_such_part(names: tuple[str, ...]) -> None:
    assert presence_section(cohort(names, required=names), simulated=False) is None


def test_the_same_cohort_gives_the_same_drawing() -> None:
    one, two = (presence_section(cohort(), simulated=True) for _ in range(2))
    assert one == two
    assert one is not None
    address = one.figures["presence"]
    assert address is not None
    assert base64.b64decode(address.partition("base64,")[2]).startswith(b"<?xml")
