"""Moves Suggestions: keeps an algorithm service at hand, and stores what it suggests."""
