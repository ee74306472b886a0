"""The DB manager: the observation log behind gRPC."""
