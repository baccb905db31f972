"""One self-contained HTML page from the results.

REQUIRED INPUTS: <results>/ but for raw/ and the shards' expression values.
OUTPUTS: <results>/config.json, <results>/report.html, <results>/figures/, <results>/summary.json.
"""


rule record_config:
    """Keep the config that the results were made with, defaults filled in."""
    input:
        preflight="<results>/preflight.json",
    output:
        config="<results>/config.json",
    log:
        "<logs>/record_config.log",
    benchmark:
        "<benchmarks>/record_config.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    params:
        config=sealed_json(config),
    shell:
        r"""
        exec &> >(tee {log:q})
        printf '%s' {params.config:q} >{output.config:q}
        """


rule report:
    """Draw the report: cohort, scores, tests, audit, curves, example masks, costs."""
    input:
        cohort="<results>/tables/cohort.parquet",
        split="<results>/tables/split.parquet",
        locks=[one.lock for one in MODALITIES.values()],
        results="<results>/evaluation/results.csv",
        no_genes="<results>/evaluation/results_no_genes.csv",
        tests="<results>/evaluation/tests.csv",
        audit="<results>/evaluation/audit.csv",
        patients="<results>/evaluation/patients.csv",
        paper_like=PAPER_LIKE,
        digests=sidecars(TABLES_OF_SCORES, PAPER_LIKE),
        scores=expand("<results>/evaluation/{run}.parquet", run=EVALUATED),
        images=RUN_IMAGE.shard[-1],
        slices=IMAGE_FILES,
        beside=BESIDE_FILES,
        sheet=[path for one in (RUN_IMAGE, *BESIDE) for path in one.sheet],
        attention=expand("<results>/attention/{run}.parquet", run=ATTENDED),
        features="<results>/shards/rna/features.parquet",
        dataset="<results>/shards/rna/dataset.json",
        predictions=expand("<results>/predictions/{run}.parquet", run=EVALUATED),
        curves=expand("<results>/runs/{run}/curves.jsonl", run=COMPARED),
        records=expand("<results>/runs/{run}/run.json", run=COMPARED),
        analyses=analysis_files(config),
        config="<results>/config.json",
    output:
        report=report(
            "<results>/report.html",
            caption="../report/page.rst",
            category="Report",
            labels={"page": "report"},
        ),
        figures=report(
            directory("<results>/figures"),
            patterns=["{figure}.svg", "{figure}.png"],
            caption="../report/figures.rst",
            category="Report",
            labels={"figure": "{figure}"},
        ),
        summary="<results>/summary.json",
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        paper_like=["--paper-like"] if PAPER_LIKE else [],
        predictions=lambda wildcards, input: for_each(EVALUATED, input.predictions),
        curves=lambda wildcards, input: for_each(COMPARED, input.curves),
        attention=lambda wildcards, input: (
            ["--attention", for_each(ATTENDED, input.attention)] if ATTENDED else []
        ),
        beside=beside_shard,
        analyses=lambda wildcards, input: analysis_options(input.analyses),
        runs=settings("runs", without=("leaky_slice_split",)),
        benchmarks=lambda wildcards, output: str(
            Path(output.report).parent / "benchmarks"
        ),
        code=code_of("report", *TASK_CODE),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi report \
            --cohort {input.cohort:q} \
            --split {input.split:q} \
            --locks {input.locks:q} \
            --results-table {input.results:q} \
            --no-genes {input.no_genes:q} \
            --tests {input.tests:q} \
            --audit {input.audit:q} \
            --patients {input.patients:q} \
            {params.paper_like:q} {input.paper_like:q} \
            {params.analyses:q} \
            {params.attention:q} \
            --image-shard {input.images:q} \
            {params.beside:q} \
            --features {input.features:q} \
            --runs {params.runs:q} \
            --predictions {params.predictions:q} \
            --curves {params.curves:q} \
            --config {input.config:q} \
            --benchmarks {params.benchmarks:q} \
            --output {output.report:q} \
            --figures {output.figures:q} \
            --summary {output.summary:q}
        """
