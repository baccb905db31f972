"""Rules that no partition can hold are named with what is too much, and the profile's lines follow from the site."""

import yaml

from mgi.cluster.advice import excesses, fits, profile_lines
from mgi.cluster.partitions import node_kinds
from mgi.cluster.requests import Request

SITE = node_kinds(
    "short*|up|1:00:00|4|8000|(null)\nlong|up|2-00:00:00|16|64000|(null)\ngpu|up|12:00:00|32|128000|gpu:2\n"
)
SMALL = Request(rule="split", minutes=10, mem_mb=1000)
LONG = Request(rule="fetch", minutes=600, mem_mb=2000)
LEARNING = Request(rule="finetune", minutes=600, mem_mb=16000, cpus=8, gpus=1)


def test_a_rule_fits_where_one_node_gives_all_of_it() -> None:
    assert [fits(LONG, kind) for kind in SITE] == [False, True, True]
    assert [fits(LEARNING, kind) for kind in SITE] == [False, False, True]


def test_a_rule_that_asks_for_more_than_any_partition_is_named_with_it() -> None:
    too_long = Request(rule="pretrain", minutes=5000, mem_mb=1000, gpus=8)
    assert excesses([SMALL, too_long], SITE) == [
        "pretrain: asks for 5000 min, found at most 2880; 8 GPUs, found at most 2"
    ]


def test_a_rule_that_fits_by_each_number_but_on_no_node_is_named_too() -> None:
    (said,) = excesses([Request(rule="finetune", minutes=2000, mem_mb=1000, gpus=1)], SITE)
    assert "finetune" in said
    assert "no partition gives together" in said


def test_a_partition_that_is_down_gives_nothing() -> None:
    down = node_kinds("gpu|down|infinite|32|128000|gpu:2\nshort*|up|1:00:00|4|8000|(null)\n")
    assert len(excesses([SMALL, LEARNING], down)) == 1


def test_lines_are_yaml_that_names_partitions_account_and_limits() -> None:
    lines = profile_lines([SMALL, LONG, LEARNING], SITE, ["lab", "other"], has_sacct=True)
    assert yaml.safe_load("\n".join(lines)) == {
        "default-resources": {"slurm_partition": "long", "slurm_account": "lab", "gpu_partition": "gpu"},
        "resources": ["net=2", "runtime=720", "mem_mb=64000"],
    }


def test_a_small_site_without_accounts_and_limits_gets_its_partition_and_its_cpus() -> None:
    lines = profile_lines([SMALL], node_kinds("all*|up|infinite|2|4000|(null)\n"), [], has_sacct=False)
    assert yaml.safe_load("\n".join(lines)) == {
        "default-resources": {"slurm_partition": "all"},
        "slurm-status-command": "squeue",
        "resources": ["net=2", "mem_mb=4000"],
        "cores": 2,
    }


def test_jobs_without_a_gpu_keep_off_its_partition_where_there_is_another() -> None:
    site = node_kinds("cpu|up|1:00:00|4|8000|(null)\ngpu*|up|12:00:00|32|128000|gpu:2\n")
    lines = yaml.safe_load("\n".join(profile_lines([SMALL, LONG], site, [], has_sacct=True)))
    assert lines["default-resources"] == {"slurm_partition": "cpu"}
