"""Gene-and-image pre-training for glioma, from public archives to a table of Dice scores."""

__version__ = "0.2.0.dev0"
