"""Moves Experiments: asks for assignments, makes Trials of them, and says when it is enough."""
