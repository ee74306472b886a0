"""Models, names and gRPC stubs of Katib v1beta1, printed by the press."""
