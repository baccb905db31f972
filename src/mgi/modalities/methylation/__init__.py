"""DNA methylation: beta values of a methylation array."""
