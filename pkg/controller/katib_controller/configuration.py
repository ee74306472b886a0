"""The KatibConfig as it is now: read from its ConfigMap through a cache, parsed once per version."""

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.models import KatibConfig, RuntimeConfig
from katib_domain.katib_config import KatibConfigError, get_katib_config
from katib_machinery.cluster import Cluster
from katib_machinery.objects import CONFIG_MAPS, ObjectKey


class LiveConfig:
    """Gives whoever asks the newest KatibConfig, so that a change needs no restart."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.key = ObjectKey(namespace, names.OBJECT_CONFIG_MAP)
        self._version = ""
        self._config: KatibConfig | None = None

    def get(self) -> KatibConfig:
        """Return the KatibConfig; raises KatibConfigError when there is none that can be read."""
        config_map = self._cluster.cached(CONFIG_MAPS, self.key)
        if config_map is None:
            raise KatibConfigError(f"ConfigMap {self.key} does not exist")
        if self._config is None or config_map.resource_version != self._version:
            self._config = get_katib_config(dict(config_map.raw.get("data") or {}))
            self._version = config_map.resource_version
        return self._config

    def runtime(self) -> RuntimeConfig:
        """Return the runtime part; an unreadable configuration counts as empty, where defaults will do."""
        try:
            return self.get().runtime or RuntimeConfig()
        except KatibConfigError:
            return RuntimeConfig()
