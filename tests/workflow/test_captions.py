"""Every caption of Snakemake's report is used, and holds no number."""

import re
from pathlib import Path

WORKFLOW = Path(__file__).parents[2] / "workflow"
CAPTIONS = {path.stem: path.read_text() for path in (WORKFLOW / "report").glob("*.rst")}


def test_every_caption_belongs_to_a_file_and_every_file_has_one() -> None:
    text = "".join(path.read_text() for path in [WORKFLOW / "Snakefile", *(WORKFLOW / "rules").glob("*.smk")])
    assert set(re.findall(r'"(?:\.\./)?report/(\w+)\.rst"', text)) == set(CAPTIONS)


def test_no_caption_holds_a_number_of_its_own() -> None:
    assert {name for name, text in CAPTIONS.items() if re.search(r"\d", text.replace("95 %", ""))} == set()
