"""What the ingestion benchmark makes of its measurements."""

import importlib.util
from pathlib import Path

import pytest

FIGURES = Path(__file__).parents[2] / "benchmarks/ingest/figures.py"


@pytest.fixture(scope="module")
def figures():
    specification = importlib.util.spec_from_file_location("figures", FIGURES)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def cost(wall_s, cpu_s=1.0, bodies=60, mb=200.0):
    server = {"bodies": bodies, "mb": mb, "cpu_s": 0.1, "requests": bodies}
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": 100.0, "server": server}


def round_of(fetch_s, one_thread_s, four_threads_s):
    floor = {"1 threads": cost(one_thread_s), "4 threads": cost(four_threads_s)}
    return {"floor": floor, "ours": {"lock": cost(1.0), "fetch": cost(fetch_s)}}


SAVED = {
    "fetch-expression/round-1": round_of(3.0, 2.0, 5.0),
    "fetch-expression/round-2": round_of(4.0, 2.5, 4.0),
    "fetch-expression/round-3": round_of(9.0, 9.0, 2.0),
    "fetch-expression/gdc-client -n 2": cost(20.0, mb=400.0),
    "fetch-expression/gdc-client -n 4": cost(10.0, mb=400.0),
    "shard-expression": {"wall_s": 30.0, "cpu_s": 41.0, "peak_mib": 500.0, "rows": 60, "mb": 10.0},
    "shard-expression/floor": {"wall_s": 3.0, "cpu_s": 2.0},
    "second-expression": cost(1.5, bodies=0),
    "second-images": cost(4.0, bodies=1),
}


def test_medians_stand_beside_the_quickest_way_of_the_floor_and_of_the_peer(figures):
    rows = {row["name"]: row for row in figures.rows_of(SAVED)}
    assert all(set(row) == {"name", "value", "unit", "peer", "ratio"} for row in rows.values())
    # ours 3, 4, 9; one thread 2, 2.5, 9 is quicker than four threads 5, 4, 2
    wall = rows["fetch expression: wall vs floor"]
    assert (wall["value"], wall["peer"], wall["ratio"]) == (4.0, 2.5, 1.6)
    # 200 MB in 1 + 4 s, against 10 s; what the peer fetched twice is not counted for it
    rate = rows["lock + fetch expression: throughput vs gdc-client"]
    assert (rate["value"], rate["peer"], rate["ratio"]) == (40.0, 20.0, 2.0)
    assert rows["second fetch, both: wall"]["value"] == 5.5
    assert rows["second fetch images: body requests"]["value"] == 1
    assert rows["shard expression: peak memory"]["peer"] is rows["shard expression: peak memory"]["ratio"] is None


def test_the_table_says_which_targets_are_reached(figures):
    lines = figures.text_of(figures.rows_of(SAVED)).splitlines()
    told = {line.split("  ")[0]: line for line in lines}
    assert told["lock + fetch expression: throughput vs gdc-client"].endswith("ratio >= 2: reached")
    assert told["fetch expression: wall vs floor"].endswith("ratio <= 1.5: missed")
    assert told["shard expression: CPU vs floor"].endswith("value <= 40: missed")
    assert told["second fetch expression: body requests"].endswith("value <= 0: reached")
    assert told["second fetch images: body requests"].endswith("value <= 0: missed")


def test_what_was_not_measured_has_no_row(figures):
    assert figures.rows_of({}) == []


def test_the_load_is_found_wherever_it_was_noted(figures):
    saved = {"round": {"floor": {"1 threads": {"load": 1.5, "wall_s": 9.0}}, "ours": {"lock": {"load": 2.5}}}, "x": 3.0}
    assert list(figures.noted("load", saved)) == [1.5, 2.5]
