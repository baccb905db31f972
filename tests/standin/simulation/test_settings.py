import json

import pytest

from mgi_standin.errors import ConfigError
from mgi_standin.simulation.settings import parse_settings

SIZE = {
    "seed": 1,
    "n_patients": 5,
    "n_genes": 800,
    "slices_min": 5,
    "slices_max": 5,
    "pixels": 32,
    "genes_drive_images": True,
}


def test_an_archive_states_what_is_on_alone():
    assert parse_settings(json.dumps(SIZE)).stated() == SIZE
    off = {
        "subtype_genes": 0,
        "lesion_effect": 1.0,
        "omics": [],
        "missing": {},
        "slides": False,
        "split_evidence": False,
    }
    assert parse_settings(json.dumps(SIZE | off)).stated() == SIZE
    on = parse_settings(json.dumps(SIZE | {"omics": ["cn", "rppa"], "missing": {"cn": 0.5}})).stated()
    assert (on["omics"], on["missing"]) == (("cn", "rppa"), {"cn": 0.5})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"omics": ["protein"]}, r"simulation\.omics\.0: found 'protein': .*'rppa'"),
        ({"omics": ["cn"], "missing": {"rppa": 0.1}}, r"missing: found rppa, expected entries of omics, flair"),
        ({"omics": ["cn"], "missing": {"cn": 1.5}}, r"missing: found 1\.5 of cn, expected 0 to 1"),
        ({"split_evidence": True, "slides": True}, r"split_evidence: found true, expected .*subtype_genes above 0"),
        ({"split_evidence": True, "subtype_genes": 90}, r"split_evidence: found true, expected slides: true"),
        ({"omics": ["cn"], "missing": {"cn": "few"}}, r"simulation\.missing\.cn: found 'few'"),
    ],
)
def test_what_cannot_be_simulated_is_named(changes, expected):
    with pytest.raises(ConfigError, match=expected):
        parse_settings(json.dumps(SIZE | changes))
