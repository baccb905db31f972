"""From the archives to verified bytes on disk, and the cohort.

REQUIRED INPUTS: the archives that the config names, or the simulated one; the user's own tables where named.
OUTPUTS: <results>/preflight.json, <results>/locks/, <results>/raw/, <results>/tables/.
"""


rule locks:
    """Target: what exists, pinned."""
    input:
        locks=[one.lock for one in MODALITIES.values()],


rule preflight:
    """Ask whether all that the config names can be had, before anything large is fetched."""
    input:
        archive=ARCHIVE_FILES,
        given=own(path for one in MODALITIES.values() for path in one.given_files),
    output:
        preflight="<results>/preflight.json",
    log:
        "<logs>/preflight.log",
    benchmark:
        "<benchmarks>/preflight.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(10),
        net=1,
    params:
        modalities=asked_of_all(MODALITIES),
        require=["--require", *(config["cohort"]["require"] or [])],
        archive=archive_option,
        code=code_of("preflight", *fetching_code(MODALITIES)),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi preflight \
            --modalities {params.modalities:q} \
            {params.require:q} \
            {params.archive:q} \
            --output {output.preflight:q}
        """


rule lock:
    """Pin what there is of a modality, what is chosen and why."""
    input:
        preflight="<results>/preflight.json",
        archive=ARCHIVE_FILES,
        given=lambda wildcards: own(MODALITIES[wildcards.modality].given_files),
        samples=partial(sample_lock, MODALITIES),
    output:
        lock="<results>/locks/{modality}.json",
    log:
        "<logs>/lock-{modality}.log",
    benchmark:
        "<benchmarks>/lock-{modality}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(30),
        net=1,
    params:
        settings=lambda wildcards: MODALITIES[wildcards.modality].asked,
        samples=lambda wildcards, input: option(
            "--same-sample-as", next(iter(input.samples), None)
        ),
        archive=archive_option,
        code=lambda wildcards: code_of(
            "lock", *MODALITIES[wildcards.modality].fetching_code
        ),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi lock \
            --modality {wildcards.modality:q} \
            --settings {params.settings:q} \
            {params.samples:q} \
            {params.archive:q} \
            --output {output.lock:q}
        """


rule fetch:
    """Fetch and verify one batch of the chosen items of a modality."""
    input:
        lock="<results>/locks/{modality}.json",
        archive=ARCHIVE_FILES,
        table=lambda wildcards: own(MODALITIES[wildcards.modality].own_files),
    output:
        # The bytes lie beside it, undeclared, and outlive reruns: both stay on the machine that fetches.
        index=local("<local_results>/raw/{modality}/batch-{batch}.json"),
    log:
        "<logs>/fetch-{modality}-{batch}.log",
    benchmark:
        "<benchmarks>/fetch-{modality}-{batch}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        # A batch that is stopped goes on with the files that it lacks.
        runtime=grows(60),
        net=1,
    params:
        settings=lambda wildcards: MODALITIES[wildcards.modality].fetched,
        archive=archive_option,
        code=lambda wildcards: code_of(
            "fetch", *MODALITIES[wildcards.modality].fetching_code
        ),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi fetch \
            --modality {wildcards.modality:q} \
            --lock {input.lock:q} \
            --batch {wildcards.batch:q} \
            --settings {params.settings:q} \
            {params.archive:q} \
            --output {output.index:q}
        """


rule gene_positions:
    """Fetch the annotation that the config pins, and list where its genes lie."""
    input:
        preflight="<results>/preflight.json",
        archive=ARCHIVE_FILES,
    output:
        positions="<results>/tables/gene_positions.tsv",
        digest="<results>/tables/gene_positions.tsv.sha256",
    log:
        "<logs>/gene_positions.log",
    benchmark:
        "<benchmarks>/gene_positions.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
        net=1,
    params:
        settings=MODALITIES["rna"].asked,
        gtf=settings("modalities.rna.fit.gtf"),
        folder=lambda wildcards, output: str(
            Path(output.positions).parents[1] / "raw/gencode"
        ),
        archive=archive_option,
        code=code_of("gene-positions"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi gene-positions \
            --settings {params.settings:q} \
            --gtf {params.gtf:q} \
            --folder {params.folder:q} \
            {params.archive:q} \
            --output {output.positions:q}
        """


rule cohort:
    """Pair patients across the locks and say why each of the others was dropped."""
    input:
        locks=[one.lock for one in MODALITIES.values()],
        indexes=[path for one in MODALITIES.values() for path in one.indexes],
        sites=own(existing(config["cohort"]["sites"])),
    output:
        cohort="<results>/tables/cohort.parquet",
        tsv=report(
            "<results>/tables/cohort.tsv",
            caption="../report/cohort.rst",
            category="Cohort",
            labels={"table": "patients"},
        ),
        digest="<results>/tables/cohort.tsv.sha256",
    log:
        "<logs>/cohort.log",
    benchmark:
        "<benchmarks>/cohort.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        sites=option("--sites", config["cohort"]["sites"]),
        require=["--require", *(config["cohort"]["require"] or [])],
        any_of=(
            ["--any-of", *config["cohort"]["any_of"]]
            if config["cohort"]["any_of"]
            else []
        ),
        exclude=["--exclude", *config["cohort"]["exclude"]],
        indexes=lambda wildcards, input: for_each_batch(input.indexes),
        code=code_of("cohort", *what_they_are(MODALITIES)),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi cohort \
            --lock {input.locks:q} \
            --index {params.indexes:q} \
            {params.sites:q} \
            {params.require:q} \
            {params.any_of:q} \
            {params.exclude:q} \
            --output {output.cohort:q} \
            --tsv {output.tsv:q}
        """
