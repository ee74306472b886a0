"""The algorithms: one module each. Each knows `katib_suggestion.search` and its own mathematics, nothing else."""
