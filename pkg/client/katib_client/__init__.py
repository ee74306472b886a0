"""Clients, listers and informers of Katib's kinds, printed by the press."""
