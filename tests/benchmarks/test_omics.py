"""The benchmark of files beside expression draws what the readers take, at the size that it says."""

import pytest


@pytest.fixture
def omics(benchmark):
    return benchmark("omics")


@pytest.mark.parametrize("name", ["mirna", "rppa", "mutation"])
def test_drawn_files_are_read_alone_and_after_another_and_by_pandas(omics, tmp_path, name):
    kind = omics.KINDS[name]
    paths = [tmp_path / f"{number}.txt" for number in range(2)]
    for number, path in enumerate(paths):
        path.write_bytes(omics.omics_files.written(kind.text, number))
    assert paths[0].read_bytes() != paths[1].read_bytes()
    like = kind.first(paths[0])
    kind.next(paths[1], like)
    assert len(kind.peer(paths[0])) == {"mirna": 1881, "rppa": 487, "mutation": 90}[name]


@pytest.mark.parametrize(("name", "columns"), [("methylation", 2), ("cn", 8)])
def test_large_files_have_the_number_of_rows_of_the_real_ones(omics, monkeypatch, tmp_path, name, columns):
    files = omics.omics_files
    monkeypatch.setattr(files, "PROBES", 500)
    monkeypatch.setattr(files, "GENES", 500)
    files._probes.cache_clear()
    files._genes.cache_clear()
    kind, path = omics.KINDS[name], tmp_path / "a.txt"
    path.write_bytes(files.written(kind.text, 0))
    kind.next(path, kind.first(path))
    assert kind.peer(path).shape == (500, columns)
    files._probes.cache_clear()
    files._genes.cache_clear()


def test_every_kind_has_its_number_of_files_and_a_ratio_is_ours_over_the_peer_s(omics):
    assert set(omics.WHOLE) == set(omics.KINDS)
    assert omics.row("x", 3.0, "MB/s", 1.5)["ratio"] == 2.0
    assert omics.row("x", 3.0, "MB/s")["ratio"] is None


def test_a_cohort_is_sharded_and_fitted_by_the_commands(benchmark, omics, tmp_path):
    cohort = benchmark("omics_cohort")
    size = cohort.write_cohort(tmp_path, "rppa", omics.omics_files.antibodies, 4)
    assert size == sum(path.stat().st_size for path in (tmp_path / "files").glob("*.txt"))
    for cost in (cohort.sharded(tmp_path, "rppa"), cohort.fitted(tmp_path, "rppa")):
        assert cost.peak_mib > 1
    assert (tmp_path / "fitted.parquet").is_file()
