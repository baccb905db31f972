"""Intervals, paired tests and the audit of expression: what several tasks share."""
