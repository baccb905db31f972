"""Labels of patients, in configs that name a source of them.

REQUIRED INPUTS: <results>/tables/cohort.parquet; the user's own table, or the GDC.
OUTPUTS: <results>/tables/labels.parquet, and the same as text.
"""


rule preflight_labels:
    """Read the user's table before anything large is fetched; a rule of its own, so that labels fetch nothing again."""
    input:
        table=own(label_table(config)),
    output:
        preflight="<results>/preflight_labels.json",
    log:
        "<logs>/preflight_labels.log",
    benchmark:
        "<benchmarks>/preflight_labels.tsv"
    priority: 100
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        settings=settings("labels"),
        table=lambda wildcards, input: option("--table", next(iter(input.table), None)),
        code=code_of("preflight-labels"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi preflight-labels \
            --settings {params.settings:q} \
            {params.table:q} \
            --output {output.preflight:q}
        """


rule fetch_labels:
    """Ask the GDC for the cases of the project, and keep what it says."""
    input:
        preflight="<results>/preflight.json",
        archive=ARCHIVE_FILES,
        kept=own(existing(config["labels"]["lock"])),
    output:
        cases="<results>/raw/labels/cases.json",
    log:
        "<logs>/fetch_labels.log",
    benchmark:
        "<benchmarks>/fetch_labels.tsv"
    priority: 100
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
        net=1,
    params:
        settings=settings("labels"),
        archive=archive_option,
        code=code_of("fetch-labels"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi fetch-labels \
            --settings {params.settings:q} \
            {params.archive:q} \
            --output {output.cases:q}
        """


rule labels:
    """Lay classes, survival, age and sex beside the cohort, and say who has none and why."""
    input:
        cohort="<results>/tables/cohort.parquet",
        table=own(label_table(config)),
        preflight=label_preflight(config),
        cases=label_cases(config),
        oracles=oracle_shards(MODALITIES, config["labels"]["oracles"]),
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
        source=label_options,
        code=code_of("labels", *oracle_code(MODALITIES, config["labels"]["oracles"])),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi labels \
            --cohort {input.cohort:q} \
            --settings {params.settings:q} \
            {params.source:q} \
            --output {output.labels:q} \
            --tsv {output.tsv:q}
        """
