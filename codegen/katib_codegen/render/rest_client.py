"""The SDK's REST client: a class per kind, over the SDK's models.

openapi-python-client reads the OpenAPI document and names what is in it; the template is ours. Knows that generator's
types, which no other module has to know.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from katib_codegen.errors import SourceError
from katib_codegen.model import Api, target_name
from katib_codegen.public import PublicType, public_types
from katib_codegen.render import Files, python_header
from katib_codegen.render.openapi import openapi
from katib_codegen.render.operations import PATCHES
from katib_codegen.render.templating import fill

if TYPE_CHECKING:
    from openapi_python_client.parser.openapi import Endpoint, EndpointCollection
    from openapi_python_client.parser.properties import Property

_ONLY_WATCH = ("watch", "allowWatchBookmarks")
_ONLY_LIST = ("continue", "limit", "resourceVersionMatch")
# The generator reads JSON alone; to its eyes every patch is some.
_AS_JSON = {"application/apply-patch+yaml": "application/json"}
_BODIES = {
    "DELETE": "Options of the deletion that have no parameter of their own.",
    "PATCH": "What changes.",
    "POST": "The new object.",
    "PUT": "The whole object; what it leaves out is removed.",
}
_WORDS = {
    "content_type": "How the patch says what changes: merge patch, JSON patch (a list) or server-side apply.",
    "request_timeout": "Seconds to wait for a connection, and for the next part of the reply. Absent: no limit.",
}


@dataclass(frozen=True)
class _Argument:
    """A parameter of a method; `json_name` of a query parameter is what the server calls it."""

    name: str
    hint: str
    words: str
    json_name: str = ""


@dataclass(frozen=True)
class _Method:
    name: str
    http_method: str
    path: str
    summary: str
    places: tuple[_Argument, ...]
    queries: tuple[_Argument, ...]
    body: str
    patch: bool
    returns: tuple[str, ...]
    watch: bool

    @property
    def described(self) -> str:
        """The docstring's lines that say what each argument is."""
        lines = [(argument.name, argument.words) for argument in self.places]
        lines += [("body", _BODIES[self.http_method])] if self.body else []
        lines += [("content_type", _WORDS["content_type"])] if self.patch else []
        lines += [(argument.name, argument.words) for argument in self.queries]
        lines += [("request_timeout", _WORDS["request_timeout"])]
        return "\n".join(
            textwrap.fill(f"{name}: {words}", 120, initial_indent=" " * 12, subsequent_indent=" " * 16)
            for name, words in lines
        )


def render_rest_client(*apis: Api) -> Files:
    """A module per kind of the stored version, and the package that imports each when it is asked for."""
    api = next(api for api in apis if api.standing.stored)
    if api.project.sdk is None:
        return {}
    document, package, folder = openapi(api), api.project.sdk.name, f"{api.project.sdk.path}/api"
    printed: dict[str, bytes] = {}
    kinds = {kind.singular: kind for kind in api.kinds}
    published = {public.name: public for public in public_types(api)}
    for tag, collection in _collections(document):
        kind = kinds[tag]
        methods = [method for endpoint in collection.endpoints for method in _methods(endpoint, document)]
        printed[f"{folder}/{tag}_api.py"] = fill(
            "rest_api.py.j2",
            header=python_header(f"{api.sources.folder}/{kind.file}"),
            kind=kind,
            methods=methods,
            imports=list(_imports(methods, published, package)),
            patches=list(PATCHES),
            package=package,
        )
    head = python_header(f"{api.sources.folder}/*.yaml")
    printed[f"{folder}/__init__.py"] = fill("rest_apis.py.j2", header=head, kinds=api.kinds, package=package)
    return printed


def _collections(document: Mapping[str, Any]) -> Iterator[tuple[str, EndpointCollection]]:
    # Imported here, because the generator brings much along that no other product needs.
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData

    settings = ConfigFile(content_type_overrides=_AS_JSON)
    config = Config.from_sources(settings, MetaType.NONE, "openapi", "utf-8", False, None)
    found = GeneratorData.from_dict(dict(document), config=config)
    if not isinstance(found, GeneratorData):
        raise SourceError(f"the OpenAPI document is not understood: {found.detail}")
    for tag, collection in sorted(found.endpoint_collections_by_tag.items()):
        for error in collection.parse_errors:
            raise SourceError(f"the OpenAPI document is not understood: {error.header} {error.detail}")
        yield str(tag), collection


def _methods(endpoint: Endpoint, document: Mapping[str, Any]) -> Iterator[_Method]:
    names = {_class_name(name): name for name in document["components"]["schemas"]}
    queries = tuple(_argument(prop, document) for prop in endpoint.query_parameters)
    can_watch = any(query.json_name == "watch" for query in queries)
    method = _Method(
        name=str(endpoint.name),
        http_method=endpoint.method.upper(),
        path=endpoint.path.get_untrusted_value(),
        summary=endpoint.summary.get_untrusted_value().replace("List or watch", "List"),
        # As in kubernetes.client: the name comes before its namespace.
        places=tuple(_argument(prop, document) for prop in reversed(endpoint.path_parameters)),
        queries=tuple(query for query in queries if query.json_name not in _ONLY_WATCH),
        body=_body(endpoint, names),
        patch=len(endpoint.bodies) > 1,
        returns=_returns(endpoint, names),
        watch=False,
    )
    yield method
    if can_watch:
        yield _watching(method, endpoint, queries, document)


def _watching(
    method: _Method, endpoint: Endpoint, queries: tuple[_Argument, ...], document: Mapping[str, Any]
) -> _Method:
    items = document["components"]["schemas"][method.returns[0]]["properties"]["items"]["items"]
    return _Method(
        name=method.name.replace("list_", "watch_", 1),
        http_method=method.http_method,
        path=method.path,
        summary=endpoint.summary.get_untrusted_value().replace("List or watch", "Watch"),
        places=method.places,
        queries=tuple(query for query in queries if query.json_name not in ("watch", *_ONLY_LIST)),
        body="",
        patch=False,
        returns=(target_name(items),),
        watch=True,
    )


def _class_name(schema: str) -> str:
    from openapi_python_client.strings import ClassName

    return str(ClassName(schema, "field_"))


def _argument(prop: Property, document: Mapping[str, Any]) -> _Argument:
    name = prop.name.get_untrusted_value()
    hint = prop.get_type_string(no_optional=True).as_unembedded_code()
    return _Argument(str(prop.python_name), hint, document["components"]["parameters"][name]["description"], name)


def _body(endpoint: Endpoint, names: Mapping[str, str]) -> str:
    if len(endpoint.bodies) > 1:
        return "dict[str, Any] | list[dict[str, Any]] | Model"
    return "".join(name for body in endpoint.bodies for name in _type_names(body.prop, names))


def _returns(endpoint: Endpoint, names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_type_names(endpoint.responses.patterns[0].prop, names))


def _type_names(prop: Property, names: Mapping[str, str]) -> Iterator[str]:
    parts = prop.inner_properties if hasattr(prop, "inner_properties") else [prop]
    for part in parts:
        yield names[part.get_type_string(no_optional=True).as_unembedded_code().strip('"')]


def _imports(methods: list[_Method], published: Mapping[str, PublicType], package: str) -> Iterator[str]:
    used = {name for method in methods for name in method.returns}
    used |= {method.body for method in methods if method.body and not method.patch}
    yield f"from kubernetes.client import {', '.join(sorted(used - published.keys()))}"
    for name in sorted(used & published.keys()):
        yield f"from {package}.models.{published[name].module} import {name}"
