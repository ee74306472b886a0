"""A node whose pods are processes of this machine; it speaks only the Kubernetes API."""
