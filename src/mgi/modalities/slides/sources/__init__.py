"""Where slides, or what was computed of them elsewhere, come from."""
