"""Configurations of admission webhooks: their defaults, and which of them cannot be stored. Pure.

Forms are known to be right: `decoding` has read the object. Whom a webhook is asked about is `admission`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.expressions import Expression, ExpressionError, compile_expression
from katib_local.apiserver.metadata import qualified
from katib_local.apiserver.selectors import selector_problems

Json = dict[str, Any]
Problems = Iterator[tuple[str, str]]
MUTATING = "MutatingWebhookConfiguration"
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
MOST_CONDITIONS = 64
CHOICES: Mapping[str, tuple[str, ...]] = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "reinvocationPolicy": ("IfNeeded", "Never"),
    "sideEffects": ("None", "NoneOnDryRun"),
}
LONGEST_TIMEOUT = 30
VARIABLES = (("object", "dyn"), ("oldObject", "dyn"), ("request", "dyn"))


def default_webhooks(configuration: Json) -> Json:
    """A configuration with what its webhooks leave out."""
    mutating = {"reinvocationPolicy": "Never"} if configuration.get("kind") == MUTATING else {}
    webhooks = [{**mutating, **_default(webhook)} for webhook in configuration.get("webhooks") or ()]
    return {**configuration, "webhooks": webhooks} if webhooks else configuration


def _default(webhook: Json) -> Json:
    defaults: Json = {
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "timeoutSeconds": 10,
    }
    complete = {**defaults, **webhook}
    if webhook.get("rules"):
        complete["rules"] = [{"scope": "*", **rule} for rule in webhook["rules"]]
    client = webhook.get("clientConfig") or {}
    if client.get("service"):
        complete["clientConfig"] = {**client, "service": {"port": 443, **client["service"]}}
    return complete


def webhook_problems(configuration: Mapping[str, Any]) -> Problems:
    """What keeps a configuration from being stored: pairs of field and text."""
    names: list[str] = []
    for index, webhook in enumerate(configuration.get("webhooks") or ()):
        path, name = f"webhooks[{index}]", str(webhook.get("name") or "")
        if name.count(".") < 2:
            yield f"{path}.name", f'Invalid value: "{name}": should be a domain with at least three segments separated by dots'
        if name in names:
            yield f"{path}.name", f'Duplicate value: "{name}"'
        names.append(name)
        for field, supported in CHOICES.items():
            yield from unsupported(f"{path}.{field}", webhook.get(field), supported)
        yield from _review_problems(webhook, path)
        yield from _client_problems(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
        yield from _selector_problems(webhook, path)
        for place, rule in enumerate(webhook.get("rules") or ()):
            yield from _rule_problems(rule, f"{path}.rules[{place}]")
        yield from _conditions_problems(webhook.get("matchConditions") or [], f"{path}.matchConditions")


def _review_problems(webhook: Mapping[str, Any], path: str) -> Problems:
    versions = webhook.get("admissionReviewVersions") or []
    if not versions:
        yield f"{path}.admissionReviewVersions", "Required value: must specify one of v1, v1beta1"
    elif not {"v1", "v1beta1"} & set(versions):
        text = f"Invalid value: {json.dumps(versions)}: must include at least one of v1, v1beta1"
        yield f"{path}.admissionReviewVersions", text
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= LONGEST_TIMEOUT:
        text = f"Invalid value: {seconds}: the timeout value must be between 1 and {LONGEST_TIMEOUT} seconds"
        yield f"{path}.timeoutSeconds", text


def _client_problems(client: Mapping[str, Any], path: str) -> Problems:
    url = client.get("url")
    if (url is None) is (client.get("service") is None):
        yield path, "Required value: exactly one of url or service is required"
    elif url is not None and urlsplit(url).scheme != "https":
        text = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        yield f"{path}.url", f'Invalid value: "{urlsplit(url).scheme}": {text}'


def _selector_problems(webhook: Mapping[str, Any], path: str) -> Problems:
    for name in ("namespaceSelector", "objectSelector"):
        yield from selector_problems(webhook.get(name) or {}, f"{path}.{name}")


def _rule_problems(rule: Mapping[str, Any], path: str) -> Problems:
    for field in ("operations", "apiGroups", "apiVersions", "resources"):
        if not rule.get(field):
            yield f"{path}.{field}", "Required value"
    operations, resources = rule.get("operations") or [], rule.get("resources") or []
    if len(operations) > 1 and "*" in operations:
        text = "if '*' is present, must not specify other operations"
        yield f"{path}.operations", f"Invalid value: {shown(operations)}: {text}"
    if len(resources) > 1 and "*/*" in resources:
        text = "if '*/*' is present, must not specify other resources"
        yield f"{path}.resources", f"Invalid value: {shown(resources)}: {text}"
    for index, operation in enumerate(operations):
        yield from unsupported(f"{path}.operations[{index}]", operation, OPERATIONS)
    yield from unsupported(f"{path}.scope", rule.get("scope"), SCOPES)


def _conditions_problems(conditions: list[Json], path: str) -> Problems:
    if len(conditions) > MOST_CONDITIONS:
        yield path, f"Too many: {len(conditions)}: must have at most {MOST_CONDITIONS} items"
    names: list[str] = []
    for index, condition in enumerate(conditions):
        name = condition.get("name") or ""
        yield from _condition_problems(condition, f"{path}[{index}]")
        if name and name in names:
            yield f"{path}[{index}].name", f"Duplicate value: {shown(name)}"
        names.append(name)


def _condition_problems(condition: Mapping[str, Any], path: str) -> Problems:
    text = condition.get("expression") or ""
    if not text.strip():
        yield f"{path}.expression", "Required value"
    else:
        try:
            returns = condition_of(text).returns
        except ExpressionError as error:
            yield f"{path}.expression", f"Invalid value: {json.dumps(text)}: compilation failed: {error}"
        else:
            if returns not in ("BOOL", "DYN"):
                said = f"must evaluate to bool but got {returns.lower()}"
                yield f"{path}.expression", f"Invalid value: {json.dumps(text)}: {said}"
    if condition.get("name"):
        yield from qualified(f"{path}.name", condition["name"])


def condition_of(text: str) -> Expression:
    """The expression of a match condition; raises ExpressionError."""
    return compile_expression(text, VARIABLES)
