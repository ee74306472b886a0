"""Promises about names.yaml, webhooks.yaml and permissions.yaml: what users write down, and what an install may do."""

from collections.abc import Iterator
from typing import Any

from katib_codegen.breaks.broken import Break
from katib_codegen.complaints import Path
from katib_codegen.model import Api
from katib_codegen.promises import Promises, granted

_NAMES, _WEBHOOKS, _PERMISSIONS = "names.yaml", "webhooks.yaml", "permissions.yaml"
_AGAIN = "users have it in manifests, queries or alerts: write the old one again, and add another entry beside it"
_HOOK_CURES = {
    "rule": "write the old one, and add a webhook beside it for other objects",
    "namespaceLabels": "users label their namespaces: write the old ones",
    "withoutLabels": "users label their pods: write the old ones",
    "exceptUser": "write the old one",
}


def name_breaks(old: Promises, new: Promises) -> Iterator[Break]:
    """Names that are gone or are others, other defaults, and reasons that conditions lost."""
    for name, value in old["names"].items():
        section, key = name.split(".", 1)
        if name not in new["names"]:
            yield Break(f"removed {name}", _NAMES, (section,), f"{name} ({value}) is gone; {_AGAIN}")
            continue
        if new["names"][name] != value:
            text = f"{name} is {new['names'][name]} and was {value}; {_AGAIN}"
            yield Break(f"changed {name}", _NAMES, (section, key, "value"), text)
        if old["defaults"].get(name) != new["defaults"].get(name):
            had, has = (_default(side["defaults"], name) for side in (old, new))
            text = f"{name} has {has} and had {had}, which installs without it rely on; put the old one back"
            yield Break(f"changed default of {name}", _NAMES, (section, key, "default"), text)
        for state in old["conditions"].get(name, ()):
            if state not in new["conditions"].get(name, ()):
                text = f"{name} is not for {state} any more, and alerts look for both; put it back"
                yield Break(f"removed {state} of {name}", _NAMES, (section, key, "conditions"), text)


def _default(defaults: Promises, name: str) -> str:
    return f"the default {defaults[name]!r}" if name in defaults else "no default"


def webhook_breaks(old: Promises, new: Promises) -> Iterator[Break]:
    """Webhooks that are gone, that are called something else, or that see other objects."""
    # What a name stands for is promised by itself: one that has changed is told once.
    values = new["names"] | old["names"]
    was, has = (_resolved(side["webhooks"], values) for side in (old, new))
    for word, name in was.get("names", {}).items():
        if has["names"][word] != name:
            path: Path = ("configuration",) if word == "configuration" else ("service", word)
            text = f"the {' '.join(map(str, path))} of the webhooks is {has['names'][word]} and was {name}"
            cure = "an upgrade would leave the old one in the cluster: write it again"
            yield Break(f"changed {word} of webhooks", _WEBHOOKS, path, f"{text}; {cure}")
    for key, hook in was.get("hooks", {}).items():
        if key in has["hooks"]:
            yield from _hook_breaks(key, hook, has["hooks"][key])
        else:
            text = f"the webhook {key} is gone, and what it admitted goes by unseen; put it back"
            yield Break(f"removed webhook {key}", _WEBHOOKS, ("webhooks",), text)


def _hook_breaks(key: str, old: Promises, new: Promises) -> Iterator[Break]:
    old, new = (hook | {f"rule {word}": value for word, value in hook["rule"].items()} for hook in (old, new))
    for word in [word for word in {**old, **new} if word != "rule" and old.get(word) != new.get(word)]:
        text = f"the webhook {key} has {_given(word, new)} and had {_given(word, old)}"
        cure = _HOOK_CURES.get(word.split(" ")[0], "policies and proxies name it: write the old one")
        yield Break(
            f"changed {word} of webhook {key}", _WEBHOOKS, ("webhooks", key, *word.split(" ")), f"{text}; {cure}"
        )


def _resolved(value: Any, names: Promises) -> Any:
    """The value with what each reference to names.yaml stands for."""
    if isinstance(value, dict):
        return {_resolved(key, names): _resolved(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, names) for inner in value]
    return names.get(value.removeprefix("names."), value) if str(value).startswith("names.") else value


def _given(word: str, hook: Promises) -> str:
    return f"the {word} {_spell(hook[word])}" if word in hook else f"no {word}"


def _spell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_spell(inner)}" for key, inner in value.items())
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)


def permission_breaks(old: Promises, new: Promises, api: Api) -> Iterator[Break]:
    """Verbs that an install had and lost. More verbs break nobody."""
    for scope, grants in old.items():
        for name, verbs in grants.items():
            today = new.get(scope, {})
            resource = name.split(" ")[0]
            lost = [verb for verb in verbs if verb not in (*today.get(name, ()), *today.get(resource, ()))]
            if lost:
                text = (
                    f"{scope} may not {', '.join(lost)} {name} any more, and what users run may need it; grant it again"
                )
                yield Break(f"ungranted {scope} {name}", _PERMISSIONS, _grant_path(api, scope, resource), text)


def _grant_path(api: Api, scope: str, resource: str) -> Path:
    """Where the resource is granted today; the scope where it is not."""
    source = api.sources.permissions
    holder = "controller" if scope in source.get("controller", {}) else "made_at_run_time"
    for position, grant in enumerate(source.get(holder, {}).get(scope, ())):
        if resource in granted(grant):
            return (holder, scope, position)
    return (holder, scope)
