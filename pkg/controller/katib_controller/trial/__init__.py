"""Moves Trials: starts their job, watches it, and stores what it has reached."""
