"""Suggestion algorithms as one stateless gRPC service."""
