"""Constants for every name that is shared with users. Knows the sections' prefixes."""

import json

from katib_codegen.complaints import near_hint
from katib_codegen.errors import SourceError
from katib_codegen.model import Api
from katib_codegen.render import Files, python_header
from katib_codegen.words import quoted

PREFIXES = {
    "labels": "LABEL",
    "label_values": "LABEL_VALUE",
    "annotations": "ANNOTATION",
    "finalizers": "FINALIZER",
    "environment": "ENV",
    "environment_prefixes": "ENV_PREFIX",
    "ports": "PORT",
    "port_names": "PORT_NAME",
    "http_paths": "HTTP_PATH",
    "containers": "CONTAINER",
    "volumes": "VOLUME",
    "paths": "PATH",
    "objects": "OBJECT",
    "health_services": "HEALTH_SERVICE",
    "components": "COMPONENT",
    "job_conditions": "JOB_CONDITION",
    "databases": "DATABASE",
    "database_users": "DATABASE_USER",
    "trial_names": "TRIAL_NAME",
    "values": "VALUE",
    "markers": "MARKER",
    "reasons": "REASON",
    "event_reasons": "EVENT",
    "suffixes": "SUFFIX",
    "metrics": "METRIC",
}


def render_names(api: Api) -> Files:
    """names.py: one constant per name, in the order of the source."""
    if not api.sources.names:
        return {}
    lines = [
        python_header(f"{api.sources.folder}/names.yaml", f"{api.sources.folder}/webhooks.yaml"),
        f'"""Names that {api.project.name} shares with its users and that its parts share with each other."""\n',
        "\nfrom typing import Final\n",
    ]
    for section, entries in api.sources.names.items():
        if section not in PREFIXES:
            hint = near_hint(section, PREFIXES)
            raise SourceError(f"names.yaml: section {section!r} has no prefix; give it one in PREFIXES{hint}")
        lines.append("\n")
        for key, entry in entries.items():
            text = ". ".join([*entry.get("conditions", ()), entry["description"]])
            lines += _constant(f"{PREFIXES[section]}_{key.upper()}", entry["value"], text)
            if "default" in entry:
                lines += _constant(f"ENV_{key.upper()}_DEFAULT", entry["default"], f"Default of {entry['value']}.")
    lines += ["\n", *_webhook_constants(api)]
    return {f"{api.models}/names.py": "".join(lines).encode()}


def _webhook_constants(api: Api) -> list[str]:
    lines: list[str] = []
    for key, hook in api.sources.webhooks.get("webhooks", {}).items():
        lines += _constant(f"WEBHOOK_PATH_{key.upper()}", hook["path"], hook["description"])
        lines += _constant(f"WEBHOOK_NAME_{key.upper()}", hook["name"], f"Name of the webhook at {hook['path']}.")
    return lines


def _constant(name: str, value: str | int, description: str) -> list[str]:
    literal = json.dumps(value, ensure_ascii=False)
    return [f"{name}: Final = {literal}\n", f"{quoted(description)}\n"]
