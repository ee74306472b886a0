"""Certificate authority and certificates for Katib's own servers."""
