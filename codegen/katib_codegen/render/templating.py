"""Fills the templates beside the renderers. Knows Jinja; a missing value is an error, never an empty text."""

import jinja2

_ENVIRONMENT = jinja2.Environment(  # noqa: S701 (it prints Python, not HTML)
    loader=jinja2.PackageLoader("katib_codegen"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)


def fill(template: str, **values: object) -> bytes:
    """The template's text with these values in it."""
    return _ENVIRONMENT.get_template(template).render(**values).encode()
