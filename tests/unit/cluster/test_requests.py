"""What a dry run says that jobs ask for; the text has the form of Snakemake 9.27."""

import pytest

from mgi.cluster.requests import Request, requests_of
from mgi.core.errors import BadInputError

DRY_RUN = """\
Job stats:
job        count
-------  -------
fetch          2

[Mon Nov 30 05:30:13 2026] Group job ingest (jobs in lexicogr. order):

    [Mon Nov 30 05:30:13 2026]
    rule fetch:
        output: results/toy/raw/rna/batch-1-of-2.json
        wildcards: modality=rna, batch=1-of-2
        resources: tmpdir=/tmp, disk_mb=<TBD>, mem_mb=2000, mem=2 GB, mem_mib=1908, runtime=60, net=1
    [Mon Nov 30 05:30:13 2026]
    rule fetch:
        output: results/toy/raw/rna/batch-2-of-2.json
        resources: tmpdir=/tmp, mem_mb=4000, mem=4 GB, mem_mib=3815, runtime=30, net=1
[Mon Nov 30 05:30:13 2026]
rule pretrain:
    output: results/toy/runs/pretrain-fold0-seed0/weights.safetensors
    priority: 10
    threads: 16
    resources: tmpdir=/tmp, gpu_partition=gpu80, mem_mb=16000, mem=16 GB, gpu=2, runtime=720
[Mon Nov 30 05:30:13 2026]
rule all:
    input: results/toy/report.html
    resources: tmpdir=/tmp, mem_mb=2000, runtime=60
Job stats:
"""


def test_the_largest_request_of_each_rule_is_kept_and_targets_are_left_out() -> None:
    assert requests_of(DRY_RUN) == [
        Request(rule="fetch", minutes=60, mem_mb=4000),
        Request(rule="pretrain", minutes=720, mem_mb=16000, cpus=16, gpus=2),
    ]


def test_a_text_without_jobs_is_refused() -> None:
    with pytest.raises(BadInputError, match="snakemake: found no job"):
        requests_of("Nothing to be done.\n")
