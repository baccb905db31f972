"""A simulated cohort whose genes drive its lesions, written as an archive folder."""
