"""The small files that make printed modules packages and show reviewers what is printed."""

from katib_codegen.model import Api
from katib_codegen.render import Files, header, python_header

_OWN_LINE = "/.gitattributes linguist-generated\n"


def render_packages(api: Api) -> Files:
    """The version's own module. The other names of the package are its submodules."""
    text = (
        python_header(f"{api.sources.folder}/*")
        + f'"""{api.project.name} {api.version}: models, names, resources, messages, stubs."""\n'
    )
    return {f"{api.models}/__init__.py": text.encode()}


def render_gitattributes(printed: Files) -> Files:
    """.gitattributes: every printed file folds in a review."""
    lines = [header("apis"), _OWN_LINE]
    lines += [f"/{path} linguist-generated\n" for path in sorted(printed)]
    return {".gitattributes": "".join(lines).encode()}
