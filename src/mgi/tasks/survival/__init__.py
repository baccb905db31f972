"""How early a patient has the event: head, losses, prediction file, scores, report."""
