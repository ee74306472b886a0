"""Kubernetes' client that knows Katib's models as well as Kubernetes' own."""

import json
from typing import Any

from kubernetes import client

from kubeflow.katib.configuration import Configuration
from kubeflow.katib.serialization import deserialize, sanitize


class ApiClient(client.ApiClient):  # type: ignore[misc]
    """Sends requests, and turns models into JSON and back.

    Args:
        configuration: How the API server is reached; the default is `Configuration.get_default_copy()`.
        arguments: What `kubernetes.client.ApiClient` takes beside it: header_name, header_value, cookie, pool_threads.
    """

    def __init__(self, configuration: Configuration | None = None, *arguments: Any, **more: Any) -> None:
        super().__init__(configuration or Configuration.get_default_copy(), *arguments, **more)
        self.user_agent = "OpenAPI-Generator/0.1/python"

    def sanitize_for_serialization(self, obj: Any) -> Any:
        """The JSON form of models, lists and dicts: JSON names, no absent attributes, times as text.

        Raises:
            TypeError: Something in it is neither a model nor a JSON value.
        """
        return sanitize(obj)

    def deserialize(self, response: Any, response_type: Any, content_type: str | None = None) -> Any:
        """The models that a response holds.

        Args:
            response: Has the text as its `data`; or is the text.
            response_type: A class, or a text such as `"V1beta1Experiment"`, `"list[V1beta1Trial]"`, `"dict(str, str)"`.
            content_type: What kind of text it is; anything that is not JSON is returned as it is.
        """
        text = response if isinstance(response, str) else response.data
        try:
            data = json.loads(text)
        except ValueError:
            data = text
        return deserialize(data, response_type)
