"""The service account that each namespace has for as long as it stands.

Knows the store. A cluster has a controller for this; here whoever makes the namespace, or removes the account, does it.
"""

from __future__ import annotations

from katib_local.apiserver.kinds import NAMESPACES, SERVICE_ACCOUNTS
from katib_local.apiserver.metadata import born
from katib_local.apiserver.standing import ACCOUNT
from katib_local.apiserver.store import Store


def furnish(store: Store, namespace: str, at: str) -> None:
    """Make the account of a namespace, unless it is there or the namespace goes; `at` is now."""
    found = store.get(NAMESPACES.qualified, "", namespace)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return
    if store.get(SERVICE_ACCOUNTS.qualified, namespace, ACCOUNT) is None:
        metadata = {"name": ACCOUNT, "namespace": namespace}
        document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        store.write(
            (SERVICE_ACCOUNTS.qualified, namespace, ACCOUNT), born(SERVICE_ACCOUNTS, document, at, lambda name: False)
        )
