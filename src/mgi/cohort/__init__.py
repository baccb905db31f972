"""Patients: pairing and splitting; what is refused is a BadInputError that names the file or patient."""
