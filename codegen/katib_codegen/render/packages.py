"""The small files that make printed modules packages and show reviewers what is printed."""

from katib_codegen.model import Api
from katib_codegen.render import Files, header, python_header

_OWN_LINE = "/.gitattributes linguist-generated\n"


def render_packages(api: Api) -> Files:
    """katib_apis.<version>'s own module. The other names of the package are its submodules."""
    text = (
        python_header(f"{api.sources.folder}/*")
        + f'"""Katib {api.version}: models, names, resources, messages, stubs."""\n'
    )
    return {f"pkg/apis/katib_apis/{api.version}/__init__.py": text.encode()}


def render_gitattributes(api: Api, printed: Files) -> Files:
    """.gitattributes: every printed file folds in a review."""
    lines = [header(api.sources.folder), _OWN_LINE]
    lines += [f"/{path} linguist-generated\n" for path in sorted(printed)]
    return {".gitattributes": "".join(lines).encode()}
