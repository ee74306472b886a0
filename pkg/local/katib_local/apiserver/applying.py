"""Server-side apply: what each manager has applied, kept with the object. Pure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def applied_by(document: Json, manager: str) -> Json | None:
    """What a manager has applied last, as it is kept in managedFields."""
    for entry in document["metadata"].get("managedFields") or []:
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            found: Json = (entry.get("fieldsV1") or {}).get("katib:applied") or {}
            return found
    return None


def with_manager(document: Json, manager: str, wanted: Json) -> Json:
    """The object with a manager's last configuration kept in it."""
    metadata = dict(document["metadata"])
    others = [entry for entry in metadata.get("managedFields") or [] if entry.get("manager") != manager]
    kept = {key: value for key, value in wanted.items() if key != "metadata"}
    labels = {
        key: wanted["metadata"][key] for key in ("labels", "annotations", "finalizers") if key in wanted["metadata"]
    }
    own = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": document["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": {"katib:applied": {**kept, "metadata": labels}},
    }
    return {**document, "metadata": {**metadata, "managedFields": [*others, own]}}
