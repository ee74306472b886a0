"""Pydantic models of Katib's API and of the Kubernetes types around it: see `kubeflow_katib_api.models`."""

__version__ = "0.19.0"
