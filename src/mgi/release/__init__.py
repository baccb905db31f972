"""Trained models as folders for others, and their use on new patients."""
