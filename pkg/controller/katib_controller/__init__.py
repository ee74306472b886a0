"""The Experiment, Suggestion and Trial controllers."""
