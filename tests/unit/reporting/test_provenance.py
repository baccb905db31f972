import math
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.reporting.provenance import config_sha256, rule_costs, versions


def write_benchmark(path: Path, seconds: str, memory: str) -> None:
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")


def test_jobs_of_a_rule_are_added_up_and_memory_is_the_largest(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "fetch_images-1-of-2.tsv", "2.5", "100")
    write_benchmark(tmp_path / "fetch_images-2-of-2.tsv", "1.5", "250.5")
    write_benchmark(tmp_path / "cohort.tsv", "1", "-")
    cohort, fetch = rule_costs(tmp_path)
    assert fetch == {"rule": "fetch_images", "jobs": 2, "wall_seconds": 4.0, "peak_mb": 250.5}
    assert cohort["rule"] == "cohort"
    assert math.isnan(cohort["peak_mb"])


def test_no_benchmarks_are_no_costs(tmp_path: Path) -> None:
    assert rule_costs(tmp_path) == []
    assert rule_costs(tmp_path / "absent") == []


def test_a_benchmark_without_seconds_is_refused_by_name(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "cohort.tsv", "soon", "1")
    with pytest.raises(BadInputError, match=r"cohort\.tsv: column 's' .*'soon'"):
        rule_costs(tmp_path)


def test_the_config_digest_depends_on_content_alone() -> None:
    assert config_sha256({"a": 1, "b": [2]}) == config_sha256({"b": [2], "a": 1})
    assert config_sha256({"a": 1}) != config_sha256({"a": 2})
    assert config_sha256({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_versions_name_python_and_this_package_and_omit_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mgi.reporting.provenance.PACKAGES", ("numpy", "no-such-package"))
    assert set(versions()) == {"python", "mgi", "numpy"}
