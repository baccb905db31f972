"""From the archives to verified bytes on disk, and the cohort.

REQUIRED INPUTS: the archives that the config names, or the simulated one; the user's own tables where named.
OUTPUTS: <results>/preflight.json, <results>/locks/, <results>/raw/, <results>/tables/.
"""


scattergather:
    expression=config["modalities"]["rna"]["batches"],
    images=config["modalities"]["flair"]["batches"],


rule locks:
    """Target: what exists, pinned."""
    input:
        expression="<results>/locks/expression.json",
        images="<results>/locks/images.json",


rule preflight:
    """Ask whether all that the config names can be had, before anything large is fetched."""
    input:
        archive=ARCHIVE_FILES,
        expression_table=existing(EXPRESSION_TABLE),
        image_table=existing(IMAGE_TABLE),
        given=IMAGE_LISTS + COMMITTED,
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
        mem_mb=1000,
        runtime=10,
        net=1,
    params:
        expression=settings("modalities.rna", without=UNASKED),
        images=settings("modalities.flair", without=PACE),
        archive=option("--archive", ARCHIVE),
        code=code_of("preflight"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi preflight \
            --expression {params.expression:q} \
            --images {params.images:q} \
            {params.archive:q} \
            --output {output.preflight:q}
        """


rule lock_expression:
    """Pin which expression files there are, which are chosen and why."""
    input:
        preflight="<results>/preflight.json",
        archive=ARCHIVE_FILES,
        table=existing(EXPRESSION_TABLE),
        committed=existing(config["modalities"]["rna"]["lock"]),
    output:
        lock="<results>/locks/expression.json",
    log:
        "<logs>/lock_expression.log",
    benchmark:
        "<benchmarks>/lock_expression.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        net=1,
    params:
        settings=settings("modalities.rna", without=UNASKED),
        archive=option("--archive", ARCHIVE),
        code=code_of("lock-expression"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi lock-expression \
            --settings {params.settings:q} \
            {params.archive:q} \
            --output {output.lock:q}
        """


rule lock_images:
    """Pin which image series there are, which are chosen and why."""
    input:
        preflight="<results>/preflight.json",
        archive=ARCHIVE_FILES,
        table=existing(IMAGE_TABLE),
        lists=IMAGE_LISTS,
        committed=existing(config["modalities"]["flair"]["lock"]),
    output:
        lock="<results>/locks/images.json",
    log:
        "<logs>/lock_images.log",
    benchmark:
        "<benchmarks>/lock_images.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        net=1,
    params:
        settings=settings("modalities.flair", without=PACE),
        archive=option("--archive", ARCHIVE),
        code=code_of("lock-images"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi lock-images \
            --settings {params.settings:q} \
            {params.archive:q} \
            --output {output.lock:q}
        """


rule fetch_expression:
    """Fetch and verify one batch of the chosen expression files."""
    input:
        lock="<results>/locks/expression.json",
        archive=ARCHIVE_FILES,
        table=existing(EXPRESSION_TABLE),
    output:
        index="<results>/raw/expression/batch-{scatteritem}.json",
    log:
        "<logs>/fetch_expression-{scatteritem}.log",
    benchmark:
        "<benchmarks>/fetch_expression-{scatteritem}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
        net=1,
    params:
        settings=settings("modalities.rna", without=("batches", "unit", "fit")),
        archive=option("--archive", ARCHIVE),
        code=code_of("fetch-expression"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi fetch-expression \
            --lock {input.lock:q} \
            --batch {wildcards.scatteritem:q} \
            --settings {params.settings:q} \
            {params.archive:q} \
            --output {output.index:q}
        """


rule fetch_images:
    """Fetch and verify one batch of the chosen image series."""
    input:
        lock="<results>/locks/images.json",
        archive=ARCHIVE_FILES,
        table=existing(IMAGE_TABLE),
    output:
        index="<results>/raw/images/batch-{scatteritem}.json",
    log:
        "<logs>/fetch_images-{scatteritem}.log",
    benchmark:
        "<benchmarks>/fetch_images-{scatteritem}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
        net=1,
    params:
        settings=settings("modalities.flair", without=("batches",)),
        archive=option("--archive", ARCHIVE),
        code=code_of("fetch-images"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi fetch-images \
            --lock {input.lock:q} \
            --batch {wildcards.scatteritem:q} \
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
    log:
        "<logs>/gene_positions.log",
    benchmark:
        "<benchmarks>/gene_positions.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
        net=1,
    params:
        settings=settings("modalities.rna", without=UNASKED),
        gtf=settings("modalities.rna.fit.gtf"),
        folder=GTF_FOLDER,
        archive=option("--archive", ARCHIVE),
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
    """Pair patients across the archives and say why each of the others was dropped."""
    input:
        expression_lock="<results>/locks/expression.json",
        image_lock="<results>/locks/images.json",
        expression_index=gather.expression(
            "<results>/raw/expression/batch-{scatteritem}.json"
        ),
        image_index=gather.images("<results>/raw/images/batch-{scatteritem}.json"),
    output:
        cohort="<results>/tables/cohort.parquet",
        tsv="<results>/tables/cohort.tsv",
    log:
        "<logs>/cohort.log",
    benchmark:
        "<benchmarks>/cohort.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        exclude=["--exclude", *config["cohort"]["exclude"]],
        code=code_of("cohort"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi cohort \
            --expression-lock {input.expression_lock:q} \
            --image-lock {input.image_lock:q} \
            --expression-index {input.expression_index:q} \
            --image-index {input.image_index:q} \
            {params.exclude:q} \
            --output {output.cohort:q} \
            --tsv {output.tsv:q}
        """
