"""Roles and their bindings. Knows RBAC's form; who may do what stands in permissions.yaml."""

from collections.abc import Mapping, Sequence
from typing import Any

from katib_codegen.facts import Facts
from katib_codegen.model import Api
from katib_codegen.render import Files, header, python_header
from katib_codegen.render.documents import documents
from katib_codegen.render.templating import fill

_API = "rbac.authorization.k8s.io"


def render_rbac(api: Api) -> Files:
    """The controller's RBAC for a whole cluster, and for one namespace without a ClusterRole; rules as constants.

    What is installed comes from the stored version.
    """
    if not api.sources.permissions:
        return {}
    return {**(_manifests(api) if api.standing.stored else {}), **_constants(api)}


def _constants(api: Api) -> Files:
    facts = Facts(api.sources.names, "permissions.yaml")
    tables = [
        (name.upper(), _rules(facts, rules)) for name, rules in api.sources.permissions["made_at_run_time"].items()
    ]
    head = python_header(f"{api.sources.folder}/permissions.yaml")
    return {f"{api.models}/permissions.py": fill("permissions.py.j2", header=head, tables=tables)}


def _manifests(api: Api) -> Files:
    controller, facts = api.sources.permissions["controller"], Facts(api.sources.names, "permissions.yaml")
    account = facts.value(controller["serviceAccount"])
    namespace = facts.default("names.environment.core_namespace")
    everywhere = _rules(facts, controller["everywhere"])
    cluster = _rules(facts, controller["cluster"])
    own = _rules(facts, controller["own_namespace"])
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    service_account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": account, "namespace": namespace},
    }
    whole = [
        service_account,
        *_granted("ClusterRole", account, None, everywhere + cluster, subject),
        *_granted("Role", account, namespace, own, subject),
    ]
    single = [service_account, *_granted("Role", account, namespace, everywhere + own, subject)]
    head = header(f"{api.sources.folder}/permissions.yaml")
    return {
        f"{api.components}/controller/rbac.yaml": (head + documents(whole)).encode(),
        f"{api.components}/controller-single-namespace/rbac.yaml": (head + documents(single)).encode(),
    }


def _rules(facts: Facts, rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_rule(facts, rule) for rule in rules]


def _rule(facts: Facts, rule: Mapping[str, Any]) -> dict[str, Any]:
    printed: dict[str, Any] = {"apiGroups": [rule["group"]], "resources": list(rule["resources"])}
    if "only" in rule:
        printed["resourceNames"] = [facts.value(name) for name in rule["only"]]
    return {**printed, "verbs": list(rule["verbs"])}


def _granted(
    kind: str, name: str, namespace: str | None, rules: Sequence[Mapping[str, Any]], subject: Mapping[str, Any]
) -> list[dict[str, Any]]:
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    role = {"apiVersion": f"{_API}/v1", "kind": kind, "metadata": metadata, "rules": list(rules)}
    binding = {
        "apiVersion": f"{_API}/v1",
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _API, "kind": kind, "name": name},
        "subjects": [dict(subject)],
    }
    return [role, binding]
