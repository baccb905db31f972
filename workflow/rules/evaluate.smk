"""From predicted masks to scores, intervals, tests and the gene audit; no GPU, no torch.

REQUIRED INPUTS: <results>/predictions/, <results>/shards/, <results>/tables/split.parquet.
OUTPUTS: <results>/evaluation/.
"""


rule evaluation:
    """Target: all tables of scores."""
    input:
        results="<results>/evaluation/results.csv",


rule evaluate:
    """Score one run's predictions against the truth in every definition, patient by patient."""
    input:
        predictions="<results>/predictions/{run}.parquet",
        images=RUN_IMAGE.shard[-1],
        slices=IMAGE_FILES,
        labels=TASK_LABELS,
        split=["<results>/tables/split.parquet"] if TASK_LABELS else [],
    output:
        scores="<results>/evaluation/{run}.parquet",
    log:
        "<logs>/evaluate-{run}.log",
    benchmark:
        "<benchmarks>/evaluate-{run}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(60),
    params:
        labels=["--labels"] if TASK_LABELS else [],
        split=["--split"] if TASK_LABELS else [],
        code=code_of("evaluate", *TASK_CODE),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi evaluate \
            --predictions {input.predictions:q} \
            --image-shard {input.images:q} \
            {params.labels:q} {input.labels:q} \
            {params.split:q} {input.split:q} \
            --output {output.scores:q}
        """


rule compare:
    """Put all runs side by side: intervals, paired tests, the gene audit."""
    input:
        scores=expand("<results>/evaluation/{run}.parquet", run=EVALUATED),
        split="<results>/tables/split.parquet",
    output:
        results=report(
            "<results>/evaluation/results.csv",
            caption="../report/results.rst",
            category="Scores",
            labels={"table": "scores"},
        ),
        no_genes=report(
            "<results>/evaluation/results_no_genes.csv",
            caption="../report/no_genes.rst",
            category="Scores",
            labels={"table": "scores without genes"},
        ),
        tests=report(
            "<results>/evaluation/tests.csv",
            caption="../report/tests.rst",
            category="Scores",
            labels={"table": "MGI against each method"},
        ),
        audit=report(
            "<results>/evaluation/audit.csv",
            caption="../report/audit.rst",
            category="Scores",
            labels={"table": "gene audit"},
        ),
        patients="<results>/evaluation/patients.csv",
        digests=sidecars(TABLES_OF_SCORES),
    log:
        "<logs>/compare.log",
    benchmark:
        "<benchmarks>/compare.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        scores=lambda wildcards, input: for_each(EVALUATED, input.scores),
        runs=settings("runs", without=("leaky_slice_split",)),
        settings=settings("evaluation"),
        code=code_of("compare", *TASK_CODE),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi compare \
            --scores {params.scores:q} \
            --runs {params.runs:q} \
            --split {input.split:q} \
            --settings {params.settings:q} \
            --results-table {output.results:q} \
            --no-genes {output.no_genes:q} \
            --tests {output.tests:q} \
            --audit {output.audit:q} \
            --patients {output.patients:q}
        """


rule paper_like:
    """Say what the paper's likely protocol would have claimed, watermarked; models split by slice stand here alone."""
    input:
        scores=expand("<results>/evaluation/{run}.parquet", run=[*EVALUATED, *LEAKY]),
        images="<results>/shards/flair/dataset.json",
        slices=SCAN_FILES,
        split="<results>/tables/split.parquet",
    output:
        table=report(
            "<results>/evaluation/paper_like.csv",
            caption="../report/paper_like.rst",
            category="Not comparable",
            labels={"table": "by the paper's likely protocol"},
        ),
        digest="<results>/evaluation/paper_like.csv.sha256",
    log:
        "<logs>/paper_like.log",
    benchmark:
        "<benchmarks>/paper_like.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        scores=lambda wildcards, input: for_each(EVALUATED, input.scores),
        runs=settings("runs"),
        settings=settings("evaluation"),
        code=code_of("paper-like"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi paper-like \
            --scores {params.scores:q} \
            --runs {params.runs:q} \
            --image-shard {input.images:q} \
            --split {input.split:q} \
            --settings {params.settings:q} \
            --output {output.table:q}
        """
