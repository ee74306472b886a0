"""Clientset, listers and informers: one module per kind over the runtime in machinery. Knows the templates."""

from katib_codegen.model import Api, Kind
from katib_codegen.render import Files, python_header
from katib_codegen.render.templating import fill


def render_clients(api: Api) -> Files:
    """The resources beside the models, and the clients' modules."""
    sources = [f"{api.sources.folder}/{kind.file}" for kind in api.kinds]
    head = python_header(*sources)
    clientset = f"{api.project.name}Clientset"
    printed = {
        f"{api.models}/resources.py": fill("resources.py.j2", header=head, kinds=api.kinds),
        f"{api.clients}/__init__.py": fill(
            "clientset.py.j2",
            header=head,
            project=api.project.name,
            version=api.version,
            kinds=api.kinds,
            imports=_imports(api),
            exported=sorted([clientset, *(name for kind in api.kinds for name in _exported(kind))]),
        ),
    }
    for kind, source in zip(api.kinds, sources, strict=True):
        printed[f"{api.clients}/{kind.singular}.py"] = fill(
            "client.py.j2", header=python_header(source), kind=kind, models=api.project.models.name
        )
    return printed


def _imports(api: Api) -> list[str]:
    modules = {f"{api.project.clients.name}.{api.version}.{kind.singular}": _exported(kind) for kind in api.kinds}
    return [f"from {module} import {', '.join(names)}" for module, names in sorted(modules.items())]


def _exported(kind: Kind) -> list[str]:
    return [f"{kind.name}Client", f"{kind.name}Lister", f"new_{kind.singular}_informer"]
