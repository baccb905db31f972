"""The runner notices a client that breaks its promises; else the matrix would prove nothing."""

import dataclasses
import re
import zipfile
from pathlib import Path
from unittest import mock

import fault_archive
import pytest
from fault_cases import CASES, Case, name_of
from fault_client import CANARY
from fault_run import canary_found, run_case

from mgi.modalities.flair.sources.dicom_check import SeriesSummary


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fault_archive.write_archive(tmp_path_factory.mktemp("runner") / "archive")


def case_of(name: str, **changes: object) -> Case:
    (case,) = (case for case in CASES if name_of(case) == name)
    return dataclasses.replace(case, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attempts": 3}, "2 attempts, expected 3"),
        ({"exit_code": 4}, "exit 0, expected 4"),
        ({"pauses": (2.0,)}, r"expected \(2.0,\)"),
        ({"says": "what nobody says"}, "'what nobody says' is not in"),
    ],
)
def test_another_end_than_the_expected_is_a_problem(tmp_path, archive, changes, said):
    problems = run_case(case_of("8-gdc-429,_Retry-After_1", **changes), archive, tmp_path).problems
    assert len(problems) == 1
    assert re.search(said, problems[0])


def test_a_client_that_checks_no_bytes_loses_them_silently(tmp_path, archive):
    with mock.patch("mgi.http.download._compare", return_value=None):
        verdict = run_case(case_of("6-gdc-sends_wrong_bytes_once"), archive, tmp_path)
    assert verdict.lost
    assert any("at a final name with other bytes" in problem for problem in verdict.problems)


def test_a_client_that_believes_every_zip_loses_slices_silently(tmp_path, archive):
    case = case_of("own-nbia-leaves_slices_out_of_a_valid_zip")
    with mock.patch("mgi.modalities.flair.sources.tcia.verify_series", believe):
        verdict = run_case(case, archive, tmp_path)
    assert verdict.lost


def believe(part, *, sop_uids, **given):
    fields = {field.name: None for field in dataclasses.fields(SeriesSummary)}
    known = {"sha256": "0" * 64, "n_images": len(sop_uids), "tags": {}, "size": part.stat().st_size}
    known |= {"patient_ids": [], "study_uids": []}
    return SeriesSummary(**{**fields, **{name: value for name, value in known.items() if name in fields}})


def test_a_client_that_follows_any_redirect_is_trapped(tmp_path, archive):
    def follow(self, request, url, headers, label):
        return self.session.get(url, headers=headers, stream=True, timeout=10).raw

    with mock.patch("mgi.http.service.Service._send_once", follow):
        problems = run_case(
            case_of("31-nbia-redirects_to_another_host_while_a_token_is_set"), archive, tmp_path
        ).problems
    assert any("went to another host" in problem for problem in problems)


def test_a_file_outside_of_its_place_is_noticed(tmp_path, archive):
    case = case_of("35-nbia-a_file_name_that_climbs")

    def write(*given):
        (tmp_path / "evil").write_text("x")
        return []

    with mock.patch("fault_run.canary_found", write):
        problems = run_case(case, archive, tmp_path).problems
    assert any("outside of their place" in problem for problem in problems)


def test_a_token_is_found_in_text_in_names_in_bytes_and_in_zips(tmp_path):
    assert canary_found(tmp_path, "quiet") == []
    assert canary_found(tmp_path, f"token {CANARY}") == ["the token shows in the output"]
    (tmp_path / "log.txt").write_text(f"x{CANARY}x")
    (tmp_path / f"{CANARY}.json").write_text("{}")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("1.dcm", CANARY * 3)
    assert len(canary_found(tmp_path, "quiet")) == 3
