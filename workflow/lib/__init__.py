"""What the graph of jobs needs before any job runs; plain Python, without Snakemake."""
