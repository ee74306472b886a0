"""The service account that each namespace has for as long as it stands, and who needs one.

Knows the store. A cluster has a controller for this; here whoever makes the namespace, or removes the account, does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_local.apiserver.errors import forbidden
from katib_local.apiserver.kinds import NAMESPACES, PODS, SERVICE_ACCOUNTS, Kind
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


def check_account(store: Store, kind: Kind, document: Mapping[str, Any]) -> None:
    """Raise a refusal for a pod, with its defaults and its namespace, whose service account is not there."""
    if kind != PODS:
        return
    metadata, account = document["metadata"], document["spec"].get("serviceAccountName") or ACCOUNT
    namespace = metadata["namespace"]
    if store.get(SERVICE_ACCOUNTS.qualified, namespace, account) is None:
        name = metadata.get("name") or metadata.get("generateName") or "Unknown"
        missing = f'serviceaccount "{account}" not found'
        raise forbidden(kind, name, f"error looking up service account {namespace}/{account}: {missing}")
