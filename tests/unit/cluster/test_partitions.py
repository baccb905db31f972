"""Texts of sinfo and sacctmgr as sites of several kinds print them, made up."""

import pytest

from mgi.cluster.partitions import accounts_of, gpus_of, minutes_of, node_kinds
from mgi.core.errors import BadInputError

SITE = """\
short*|up|4:00:00|48|192000|(null)
short*|up|4:00:00|64+|385000+|(null)
gpu|up|2-00:00:00|32|515000|gpu:a100:4(S:0-1)
old|down|infinite|8|16000|gpu:2,shard:8
"""


def test_each_kind_of_node_is_read_with_what_it_gives() -> None:
    kinds = node_kinds(SITE)
    assert [(kind.partition, kind.is_default, kind.is_up) for kind in kinds] == [
        ("short", True, True),
        ("short", True, True),
        ("gpu", False, True),
        ("old", False, False),
    ]
    assert [(kind.minutes, kind.cpus, kind.mem_mb, kind.n_gpus) for kind in kinds] == [
        (240, 48, 192000, 0),
        (240, 64, 385000, 0),
        (2880, 32, 515000, 4),
        (None, 8, 16000, 2),
    ]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("infinite", None), ("30:00", 30), ("1:30:00", 90), ("7-00:00:00", 10080), ("1-12:30:59", 2190), ("n/a", None)],
)
def test_a_time_limit_is_read_in_every_form(text: str, minutes: int | None) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("(null)", {}),
        ("gpu:4", {"": 4}),
        ("gpu", {"": 1}),
        ("gpu:a100:4(S:0-1)", {"a100": 4}),
        ("gpu:a100_3g.20gb:8,gpu:h100:1", {"a100_3g.20gb": 8, "h100": 1}),
        ("lustre:1,gpu:v100:2(S:0),shard:v100:8", {"v100": 2}),
    ],
)
def test_gpus_are_counted_by_type_and_nothing_else_is(gres: str, gpus: dict[str, int]) -> None:
    assert gpus_of(gres) == gpus


@pytest.mark.parametrize("line", ["short|up|4:00:00", "short|up|soon|4|1000|(null)", "short|up|1:00:00|many|1|(null)"])
def test_a_line_that_sinfo_cannot_have_written_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(BadInputError, match="sinfo: line 5: found "):
        node_kinds(SITE + line)


def test_a_cluster_without_partitions_is_refused() -> None:
    with pytest.raises(BadInputError, match="sinfo"):
        node_kinds("\n")


def test_accounts_are_named_once_and_a_site_may_have_none() -> None:
    assert accounts_of("lab|\nproject|\nlab|\n") == ["lab", "project"]
    assert accounts_of("") == accounts_of("|\n") == []
