"""What the graph of jobs needs before any job runs; plain Python, with no state of Snakemake."""
