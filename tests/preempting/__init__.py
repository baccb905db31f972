"""Signals to trainings at random moments: `python -m preempting` with `src` and `tests` on the path."""
