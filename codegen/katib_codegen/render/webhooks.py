"""The two webhook configurations. Knows their Kubernetes form; what they match stands in webhooks.yaml."""

from collections.abc import Mapping
from typing import Any

from katib_codegen.facts import Facts
from katib_codegen.model import Api
from katib_codegen.render import Files, header
from katib_codegen.render.documents import documents


def render_webhooks(api: Api) -> Files:
    """Both configurations in one file: for installs, and as package data for the laptop. The stored version's count."""
    if not api.sources.webhooks or not api.standing.stored:
        return {}
    configurations = [_configuration(api, kind) for kind in ("Validating", "Mutating")]
    text = header(f"{api.sources.folder}/webhooks.yaml") + documents(configurations)
    return {
        f"{api.components}/webhook/webhooks.yaml": text.encode(),
        f"{api.models}/webhooks.yaml": text.encode(),
    }


def _configuration(api: Api, kind: str) -> dict[str, Any]:
    facts, source = Facts(api.sources.names, "webhooks.yaml"), api.sources.webhooks
    hooks = [_webhook(facts, source, hook) for hook in source["webhooks"].values() if hook["type"] == kind]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": facts.value(source["configuration"])},
        "webhooks": hooks,
    }


def _webhook(facts: Facts, source: Mapping[str, Any], hook: Mapping[str, Any]) -> dict[str, Any]:
    namespace = facts.default(source["service"]["namespace"])
    rule = hook["rule"]
    service = {"name": facts.value(source["service"]["name"]), "namespace": namespace, "path": hook["path"]}
    return {
        "name": hook["name"],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"service": service},
        "rules": [
            {
                "apiGroups": [rule["group"]],
                "apiVersions": [rule["version"]],
                "operations": list(rule["operations"]),
                "resources": [rule["resource"]],
            }
        ],
        **_selectors(facts, hook),
        **_conditions(facts, hook, namespace),
    }


def _selectors(facts: Facts, hook: Mapping[str, Any]) -> dict[str, Any]:
    selectors: dict[str, Any] = {}
    if "namespaceLabels" in hook:
        labels = {facts.value(label): facts.value(value) for label, value in hook["namespaceLabels"].items()}
        selectors["namespaceSelector"] = {"matchLabels": labels}
    if "withoutLabels" in hook:
        absent = [{"key": facts.value(label), "operator": "DoesNotExist"} for label in hook["withoutLabels"]]
        selectors["objectSelector"] = {"matchExpressions": absent}
    return selectors


def _conditions(facts: Facts, hook: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    if "exceptUser" not in hook:
        return {}
    excepted = hook["exceptUser"]
    user = f"system:serviceaccount:{namespace}:{facts.value(excepted['serviceAccount'])}"
    condition = {"name": excepted["condition"], "expression": f'request.userInfo.username != "{user}"'}
    return {"matchConditions": [condition]}
