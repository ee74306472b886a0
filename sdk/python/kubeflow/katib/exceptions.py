"""What clients raise. These are Kubernetes' own classes, so that one `except` catches both SDKs' errors."""

from kubernetes.client.exceptions import (
    ApiException,
    ApiKeyError,
    ApiTypeError,
    ApiValueError,
    OpenApiException,
)

__all__ = ["ApiException", "ApiKeyError", "ApiTypeError", "ApiValueError", "OpenApiException"]
