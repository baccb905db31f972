"""One module per workflow rule: read files, call the science, write files."""
