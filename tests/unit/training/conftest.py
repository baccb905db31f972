"""The fixtures of tests that train."""

from small_study import model_settings, one_thread, pairs, place

__all__ = ["model_settings", "one_thread", "pairs", "place"]
