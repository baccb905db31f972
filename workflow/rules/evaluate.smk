"""From predicted masks to scores, intervals, tests and the gene audit; no GPU, no torch.

REQUIRED INPUTS: <results>/predictions/, <results>/shards/flair/slices.parquet, <results>/tables/split.parquet.
OUTPUTS: <results>/evaluation/.
"""


rule evaluation:
    """Target: all tables of scores."""
    input:
        dice="<results>/evaluation/dice.csv",


rule evaluate:
    """Score one run's masks against the truth in every definition, patient by patient."""
    input:
        predictions="<results>/predictions/{run}.parquet",
        slices="<results>/shards/flair/slices.parquet",
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
        mem_mb=4000,
        runtime=60,
    params:
        code=code_of("evaluate"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi evaluate \
            --predictions {input.predictions:q} \
            --slices {input.slices:q} \
            --output {output.scores:q}
        """


rule compare:
    """Put all runs side by side: intervals, paired tests, the gene audit."""
    input:
        scores=expand("<results>/evaluation/{run}.parquet", run=SEGMENTERS),
        split="<results>/tables/split.parquet",
    output:
        dice="<results>/evaluation/dice.csv",
        dice_all="<results>/evaluation/dice_all.csv",
        tests="<results>/evaluation/tests.csv",
        audit="<results>/evaluation/audit.csv",
        patients="<results>/evaluation/patients.csv",
    log:
        "<logs>/compare.log",
    benchmark:
        "<benchmarks>/compare.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("evaluation"),
        code=code_of("compare"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi compare \
            --scores {input.scores:q} \
            --split {input.split:q} \
            --settings {params.settings:q} \
            --dice {output.dice:q} \
            --dice-all {output.dice_all:q} \
            --tests {output.tests:q} \
            --audit {output.audit:q} \
            --patients {output.patients:q}
        """


rule paper_like:
    """Say what the paper's likely protocol would have claimed, watermarked; models split by slice stand here alone."""
    input:
        scores=expand("<results>/evaluation/{run}.parquet", run=[*SEGMENTERS, *LEAKY]),
        slices="<results>/shards/flair/slices.parquet",
        split="<results>/tables/split.parquet",
    output:
        table="<results>/evaluation/paper_like.csv",
    log:
        "<logs>/paper_like.log",
    benchmark:
        "<benchmarks>/paper_like.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=settings("evaluation"),
        code=code_of("paper-like"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi paper-like \
            --scores {input.scores:q} \
            --slices {input.slices:q} \
            --split {input.split:q} \
            --settings {params.settings:q} \
            --output {output.table:q}
        """
