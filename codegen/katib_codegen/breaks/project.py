"""Promises about a version as a whole: that it is served, and the packages that programs import."""

from collections.abc import Iterator

from katib_codegen.breaks.broken import Break
from katib_codegen.model import Api
from katib_codegen.project import FILE
from katib_codegen.promises import Promises


def project_breaks(old: Promises, new: Promises, api: Api) -> Iterator[Break]:
    """A version that is not served any more, packages of other names, and what lies elsewhere."""
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
    for role, place in old["places"].items():
        today = new["places"].get(role)
        # A package that is gone is told once.
        if today != place and (role not in old["packages"] or role in new["packages"]):
            text = f"{role} lies in {today or 'no folder'} and lay in {place}, where people install or read it"
            path = ("packages", role, "folder") if role in old["packages"] else (role,)
            yield Break(f"moved {role}", FILE, path, f"{text}; write {place}")


def version_break(version: str) -> Break:
    """A released version of which nothing is left."""
    text = f"versions is without {version}, which was released; put it back, first with served: false"
    return Break(f"removed {version}", FILE, ("versions",), text)


def unrecorded_break(version: str, folder: str) -> Break:
    """A version of whose promises there is no record: a new one, or one whose record was lost."""
    text = f"{version} has no record of its promises, so nothing that breaks them would be told"
    cure = f"restore {folder}/{version}.yaml; a new version is allowed until the release that records it"
    return Break(f"new {version}", FILE, ("versions", version), f"{text}; {cure}")
