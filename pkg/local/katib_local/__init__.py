"""Katib on a laptop: an API server, a node and the katib command."""
