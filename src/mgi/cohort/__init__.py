"""Patients: pairing and splitting."""
