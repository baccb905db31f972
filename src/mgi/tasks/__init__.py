"""One folder a task: loss, head, prediction file, scores, tests."""
