"""Renders every product, side by side, in memory. Knows which products there are."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from katib_codegen.errors import PressError, SourceError
from katib_codegen.lint import lint
from katib_codegen.load import load_all
from katib_codegen.model import Api, bundle
from katib_codegen.proto import shared_name_complaints
from katib_codegen.render import Files
from katib_codegen.render.clients import render_clients
from katib_codegen.render.converters import render_converters
from katib_codegen.render.crds import render_crds
from katib_codegen.render.defaults import render_defaults
from katib_codegen.render.editor_schemas import render_editor_schemas
from katib_codegen.render.enums import render_enums
from katib_codegen.render.grpc_reference import render_grpc_reference
from katib_codegen.render.kubernetes_types import render_kubernetes_types
from katib_codegen.render.models import render_models
from katib_codegen.render.names import render_names
from katib_codegen.render.openapi import render_openapi
from katib_codegen.render.packages import render_gitattributes, render_packages
from katib_codegen.render.protobuf import render_protobuf
from katib_codegen.render.rbac import render_rbac
from katib_codegen.render.reference import render_reference
from katib_codegen.render.rest_client import render_rest_client
from katib_codegen.render.sdk_models import render_sdk_models
from katib_codegen.render.strict_sdk import render_strict_sdk
from katib_codegen.render.typescript import render_typescript
from katib_codegen.render.webhooks import render_webhooks
from katib_codegen.rules.versions import version_complaints

# What each version has of its own. The first one waits for other programs: it comes first, so that the rest runs beside it.
RENDERERS: tuple[Callable[[Api], Files], ...] = (
    render_protobuf,
    render_models,
    render_converters,
    render_enums,
    render_names,
    render_defaults,
    render_clients,
    render_rbac,
    render_webhooks,
    render_openapi,
    render_editor_schemas,
    render_reference,
    render_grpc_reference,
    render_typescript,
    render_packages,
)
# What all versions have together.
WHOLE: tuple[Callable[..., Files], ...] = (
    render_rest_client,
    render_strict_sdk,
    render_crds,
    render_sdk_models,
    render_kubernetes_types,
)


def render_all(root: Path, report: Callable[[str, float], None] | None = None) -> dict[str, bytes]:
    """Every printed file, in memory; raises SourceError when a source cannot be printed.

    `report` hears of each product when it is done, and how many seconds it took.
    """
    apis = [bundle(sources) for sources in load_all(root)]
    complaints = [complaint for api in apis for complaint in lint(api)]
    complaints += shared_name_complaints([api.sources for api in apis])
    complaints = complaints or version_complaints(apis)
    if complaints:
        raise SourceError("\n".join(complaints))
    jobs = [(f"{_product(render)} {api.version}", partial(render, api)) for render in RENDERERS for api in apis]
    # The first of these takes longest: it begins beside the programs that are waited for.
    jobs[1:1] = [(_product(render), partial(render, *apis)) for render in WHOLE]
    printed: dict[str, bytes] = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        for (name, _), (files, seconds) in zip(jobs, pool.map(lambda job: _timed(*job), jobs), strict=True):
            if report is not None:
                report(name, seconds)
            printed.update(files)
    printed.update(render_gitattributes(printed))
    _require_python(printed)
    return dict(sorted(printed.items()))


def _product(render: Callable[..., Files]) -> str:
    return render.__name__.removeprefix("render_")


def _timed(product: str, job: Callable[[], Files]) -> tuple[Files, float]:
    started = time.perf_counter()
    try:
        return job(), time.perf_counter() - started
    except SourceError:
        raise
    except Exception as error:
        raise PressError(f"the product {product}: {type(error).__name__}: {error}") from error


def _require_python(printed: Mapping[str, bytes]) -> None:
    """A module that does not compile is a fault of the press: it must not reach the tree."""
    for path, content in printed.items():
        if path.endswith((".py", ".pyi")):
            try:
                compile(content, path, "exec")
            except (SyntaxError, ValueError) as error:
                raise PressError(f"{path} is no Python: {error}") from error
