"""The transport below a client: Kubernetes' own."""

from kubernetes.client.rest import ApiException, RESTClientObject, RESTResponse

__all__ = ["ApiException", "RESTClientObject", "RESTResponse"]
