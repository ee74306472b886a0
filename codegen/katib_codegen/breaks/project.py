"""Promises about a version as a whole: that it is served, and the packages that programs import."""

from collections.abc import Iterator

from katib_codegen.breaks.broken import Break
from katib_codegen.model import Api
from katib_codegen.project import FILE
from katib_codegen.promises import Promises


def project_breaks(old: Promises, new: Promises, api: Api) -> Iterator[Break]:
    """A version that is not served any more, and packages of other names."""
    if old["served"] and not new["served"]:
        text = f"{api.version} is not served any more, and users' manifests name it; write served: true"
        text = f"{text} until the release notes have warned of it"
        yield Break(f"unserved {api.version}", FILE, ("versions", api.version, "served"), text)
    for role, name in old["packages"].items():
        if role not in new["packages"]:
            text = f"there is no package {role} any more, and programs import {name}; write its line again"
            yield Break(f"removed package {role}", FILE, ("packages",), text)
        elif new["packages"][role] != name:
            text = f"the package {role} is {new['packages'][role]} and was {name}, which programs import; write {name}"
            yield Break(f"renamed package {role}", FILE, ("packages", role), text)


def version_break(version: str) -> Break:
    """A released version of which nothing is left."""
    text = f"versions is without {version}, which was released; put it back, first with served: false"
    return Break(f"removed {version}", FILE, ("versions",), text)
