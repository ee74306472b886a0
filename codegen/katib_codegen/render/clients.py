"""Clientset, listers and informers: one module per kind over the runtime in katib_machinery. Knows the templates."""

import jinja2

from katib_codegen.model import Api, Kind
from katib_codegen.render import Files, python_header

_ENVIRONMENT = jinja2.Environment(  # noqa: S701 (it prints Python, not HTML)
    loader=jinja2.PackageLoader("katib_codegen"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)


def render_clients(api: Api) -> Files:
    """The resources beside the models, and katib_client's modules."""
    sources = [f"{api.sources.folder}/{kind.file}" for kind in api.kinds]
    head = python_header(*sources)
    folder = f"pkg/client/katib_client/{api.version}"
    printed = {
        f"pkg/apis/katib_apis/{api.version}/resources.py": _fill("resources.py.j2", header=head, kinds=api.kinds),
        f"{folder}/__init__.py": _fill(
            "clientset.py.j2",
            header=head,
            version=api.version,
            kinds=api.kinds,
            imports=_imports(api),
            exported=sorted(["KatibClientset", *(name for kind in api.kinds for name in _exported(kind))]),
        ),
    }
    for kind, source in zip(api.kinds, sources, strict=True):
        printed[f"{folder}/{kind.singular}.py"] = _fill("client.py.j2", header=python_header(source), kind=kind)
    return printed


def _fill(template: str, **values: object) -> bytes:
    return _ENVIRONMENT.get_template(template).render(**values).encode()


def _imports(api: Api) -> list[str]:
    modules = {f"katib_client.{api.version}.{kind.singular}": _exported(kind) for kind in api.kinds}
    return [f"from {module} import {', '.join(names)}" for module, names in sorted(modules.items())]


def _exported(kind: Kind) -> list[str]:
    return [f"{kind.name}Client", f"{kind.name}Lister", f"new_{kind.singular}_informer"]
