"""What vectors of patients know: simple models on them, beside clinical and hand-made features; no torch."""
