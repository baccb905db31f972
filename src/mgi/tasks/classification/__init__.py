"""Which class of a label a patient has: head, loss, calibration, prediction file, scores, report."""
