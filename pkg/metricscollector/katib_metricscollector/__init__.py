"""Sidecars that read a trial's metrics and report them."""
