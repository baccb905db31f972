"""What a SLURM cluster gives, what the workflow's jobs ask for, and the lines of the profile that follow from both."""
