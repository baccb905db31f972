"""The workflow, for a clone that is run in its own folder: `workflow/Snakefile` under the name at which Snakemake looks first."""


include: "workflow/Snakefile"


# A rule of an included file is no default target by itself: without this line nothing would be made, and no error said.
workflow.default_target = "all"
