"""Labels of patients, in configs that name a source of them.

REQUIRED INPUTS: <results>/tables/cohort.parquet; the user's own table, or the GDC.
OUTPUTS: <results>/tables/labels.parquet, and the same as text.
"""


rule labels:
    """Lay classes, survival, age and sex beside the cohort, and say who has none and why."""
    input:
        cohort="<results>/tables/cohort.parquet",
        table=own(label_table(config)),
    output:
        labels="<results>/tables/labels.parquet",
        tsv=report(
            "<results>/tables/labels.tsv",
            caption="../report/labels.rst",
            category="Cohort",
            labels={"table": "labels"},
        ),
        digest="<results>/tables/labels.tsv.sha256",
    log:
        "<logs>/labels.log",
    benchmark:
        "<benchmarks>/labels.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        settings=settings("labels"),
        code=code_of("labels"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi labels \
            --cohort {input.cohort:q} \
            --settings {params.settings:q} \
            --output {output.labels:q} \
            --tsv {output.tsv:q}
        """
