"""The fixtures of tests that train."""

from small_study import model_settings, one_thread, pairs, run_context

__all__ = ["model_settings", "one_thread", "pairs", "run_context"]
