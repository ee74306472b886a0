"""Katib v1beta1: models, names, gRPC messages and stubs, all printed by the press."""
