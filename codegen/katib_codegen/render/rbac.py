"""Roles and their bindings. Knows RBAC's form; who may do what stands in permissions.yaml."""

from collections.abc import Mapping, Sequence
from typing import Any

from katib_codegen.facts import Facts
from katib_codegen.model import Api
from katib_codegen.render import Files, header, python_header
from katib_codegen.render.documents import documents
from katib_codegen.render.templating import fill

_API = "rbac.authorization.k8s.io"
_SCOPES = ("everywhere", "cluster", "own_namespace")


def render_rbac(api: Api) -> Files:
    """RBAC of the controller and of services, for a whole cluster and for one namespace without a ClusterRole; rules as constants.

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
    permissions, facts = api.sources.permissions, Facts(api.sources.names, "permissions.yaml")
    held = {scope: _rules(facts, permissions["controller"][scope]) for scope in _SCOPES}
    components = {"controller": (permissions["controller"], held)}
    for name, service in permissions.get("services", {}).items():
        rules = _rules(facts, permissions["made_at_run_time"][service["holds"]])
        components[name] = (service, {"everywhere": rules, "cluster": [], "own_namespace": []})
    printed = [
        _roles(api, facts, name, program["serviceAccount"], held) for name, (program, held) in components.items()
    ]
    return {path: content for files in printed for path, content in files.items()}


def _roles(
    api: Api, facts: Facts, name: str, account_reference: str, held: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Files:
    """One program's account and roles, for a whole cluster and for a single namespace."""
    account, namespace = facts.value(account_reference), facts.default("names.environment.core_namespace")
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    metadata = {"name": account, "namespace": namespace}
    service_account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    everywhere, own = held["everywhere"], held["own_namespace"]
    whole = _granted("ClusterRole", account, None, [*everywhere, *held["cluster"]], subject)
    whole += _granted("Role", account, namespace, own, subject) if own else []
    single = _granted("Role", account, namespace, [*everywhere, *own], subject)
    head = header(f"{api.sources.folder}/permissions.yaml")
    return {
        f"{api.components}/{name}{ending}/rbac.yaml": (head + documents([service_account, *roles])).encode()
        for ending, roles in (("", whole), ("-single-namespace", single))
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
