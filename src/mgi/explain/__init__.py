"""Which genes a network's answer rests on, patient by patient."""
