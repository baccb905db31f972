"""The analyses that a report may have parts of; free of imports, so that help loads no library."""

ANALYSIS_NAMES = ("probe",)
"""Each is the name of a config section, of the folder that its rule writes and of the report's option, in order."""
