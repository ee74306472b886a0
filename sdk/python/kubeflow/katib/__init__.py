"""Katib's Python SDK: the models of its kinds, and clients of the API that serves them.

Every name is imported when it is first asked for: `from kubeflow import katib` costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

from kubeflow.katib import laziness
from kubeflow.katib.models import MODULES as _MODELS

if TYPE_CHECKING:
    from kubeflow.katib import api as api
    from kubeflow.katib import models as models
    from kubeflow.katib.api_client import ApiClient as ApiClient
    from kubeflow.katib.configuration import Configuration as Configuration
    from kubeflow.katib.exceptions import ApiException as ApiException
    from kubeflow.katib.exceptions import ApiKeyError as ApiKeyError
    from kubeflow.katib.exceptions import ApiTypeError as ApiTypeError
    from kubeflow.katib.exceptions import ApiValueError as ApiValueError
    from kubeflow.katib.exceptions import OpenApiException as OpenApiException
    from kubeflow.katib.models import *  # noqa: F403 (the names that the press prints)

__version__ = "0.1"

_MODULES = {
    **{name: f"models.{module}" for name, module in _MODELS.items()},
    **{name: name for name in ("api", "api_client", "configuration", "exceptions", "models", "rest")},
    **dict.fromkeys(("ApiException", "ApiKeyError", "ApiTypeError", "ApiValueError", "OpenApiException"), "exceptions"),
    "ApiClient": "api_client",
    "Configuration": "configuration",
}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    return laziness.load(__name__, name, _MODULES)


def __dir__() -> list[str]:
    return laziness.names(_MODULES)
