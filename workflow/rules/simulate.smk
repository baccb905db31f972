"""A simulated archive, in configs that ask for one.

REQUIRED INPUTS: none; the config section `simulation`.
OUTPUTS: <results>/archive/, complete when its archive.json exists.
"""


rule simulate:
    """Write a cohort whose genes drive its lesions (or do not) as an archive folder."""
    output:
        # The other files of the archive lie beside it, undeclared: it stays on the machine that serves it.
        archive=local("<local_results>/archive/archive.json"),
        # For configs that take it as a table of labels.
        labels=local("<local_results>/archive/labels.tsv"),
        # And as gene sets whose truth is known.
        gene_sets=local("<local_results>/archive/latent_factors.gmt"),
    log:
        "<logs>/simulate.log",
    benchmark:
        "<benchmarks>/simulate.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(20),
    params:
        settings=lambda wildcards: settings("simulation"),
        code=code_of("simulate"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi_standin simulate \
            --settings {params.settings:q} \
            --output {output.archive:q}
        """
