"""A Kubernetes API server for one machine: HTTPS, SQLite, the semantics that clients rely on."""
