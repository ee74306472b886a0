"""Katib's rules: pure functions over models and text."""
