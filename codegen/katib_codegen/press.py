"""Writes what the renderers print, or compares it with what is there. The only room of the press that writes files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from katib_codegen.load import load
from katib_codegen.model import Api, bundle
from katib_codegen.render import Files
from katib_codegen.render.crds import render_crds
from katib_codegen.render.models import render_models
from katib_codegen.render.names import render_names
from katib_codegen.render.protobuf import render_protobuf
from katib_codegen.render.rbac import render_rbac
from katib_codegen.render.webhooks import render_webhooks

RENDERERS: tuple[Callable[[Api], Files], ...] = (render_protobuf, render_models, render_names, render_crds, render_rbac, render_webhooks)


def render_all(root: Path) -> dict[str, bytes]:
    """Every printed file, in memory."""
    api = bundle(load(root))
    printed: dict[str, bytes] = {}
    for render in RENDERERS:
        printed.update(render(api))
    return dict(sorted(printed.items()))


def write(root: Path, printed: Mapping[str, bytes]) -> list[str]:
    """Writes each file that differs; returns their paths."""
    changed = []
    for path, content in printed.items():
        target = root / path
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        changed.append(path)
    return changed
