"""Admission: defaults, validation and sidecar injection."""
