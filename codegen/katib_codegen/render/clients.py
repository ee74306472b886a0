"""Clientset, listers and informers: one module per kind over the runtime in katib_machinery. Knows the templates."""

from katib_codegen.model import Api, Kind
from katib_codegen.render import Files, python_header
from katib_codegen.render.templating import fill


def render_clients(api: Api) -> Files:
    """The resources beside the models, and katib_client's modules."""
    sources = [f"{api.sources.folder}/{kind.file}" for kind in api.kinds]
    head = python_header(*sources)
    folder = f"pkg/client/katib_client/{api.version}"
    printed = {
        f"pkg/apis/katib_apis/{api.version}/resources.py": fill("resources.py.j2", header=head, kinds=api.kinds),
        f"{folder}/__init__.py": fill(
            "clientset.py.j2",
            header=head,
            version=api.version,
            kinds=api.kinds,
            imports=_imports(api),
            exported=sorted(["KatibClientset", *(name for kind in api.kinds for name in _exported(kind))]),
        ),
    }
    for kind, source in zip(api.kinds, sources, strict=True):
        printed[f"{folder}/{kind.singular}.py"] = fill("client.py.j2", header=python_header(source), kind=kind)
    return printed


def _imports(api: Api) -> list[str]:
    modules = {f"katib_client.{api.version}.{kind.singular}": _exported(kind) for kind in api.kinds}
    return [f"from {module} import {', '.join(names)}" for module, names in sorted(modules.items())]


def _exported(kind: Kind) -> list[str]:
    return [f"{kind.name}Client", f"{kind.name}Lister", f"new_{kind.singular}_informer"]
