"""The configuration of a client. Kubernetes' own one, with a default of its own."""

from kubernetes import client


class Configuration(client.Configuration):  # type: ignore[misc]
    """How a client reaches an API server; for models only `client_side_validation` counts.

    What `set_default` sets here is not the default of the `kubernetes` package.
    """

    _default = None
