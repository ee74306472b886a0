"""A deep copy for each printed class: it touches those fields only whose values can be changed.

Knows the annotations that the models' generator prints. What all copies share (unknown fields, what was set) is in the
base class.
"""

import ast
from collections.abc import Iterator, Mapping

_HEAD = "\n    def walk_copy(self) -> Self:\n"
_ALONE = _HEAD + "        return self.start_copy()[0]\n"
_START = _HEAD + "        copied, fields = self.start_copy()\n"


def with_copies(module: str) -> str:
    """The printed module with a `walk_copy` at the end of each class of fields."""
    tree = ast.parse(module)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    lines = module.splitlines(keepends=True)
    for node in reversed(classes.values()):
        steps = "".join(_steps(node, classes))
        method = f"{_START}{steps}        return copied\n" if steps else _ALONE
        lines.insert(node.end_lineno or 0, method)
    return "".join(lines)


def _steps(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    for field, annotation in _fields(node, classes):
        copy = _copy(annotation, classes)
        if copy is not None:
            yield f"        if (value := fields[{field!r}]) is not None:\n".replace("'", '"')
            yield f'            fields["{field}"] = {copy}\n'


def _fields(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[tuple[str, str]]:
    """Every field of a class, also those of the classes that it is made of, with its type as printed."""
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _fields(classes[base.id], classes)
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            yield line.target.id, _type(line.annotation)


def _type(annotation: ast.expr) -> str:
    """The type within `Annotated[...]` and beside `None`."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)
        return _type(annotation.slice.elts[0])
    if isinstance(annotation, ast.BinOp):
        return _type(annotation.left)
    return ast.unparse(annotation)


def _copy(annotation: str, classes: Mapping[str, ast.ClassDef]) -> str | None:
    """How a value of that type is copied; None where nobody can change it."""
    if annotation in classes:
        return "value.walk_copy()"
    holder, _, inner = annotation.partition("[")
    if holder not in ("list", "dict"):
        return "deep_copy(value)" if annotation == "Any" else None
    item = inner.removesuffix("]").removeprefix("str, ")
    if item in classes and holder == "list":
        return "[item.walk_copy() for item in value]"
    if item in classes or item == "Any" or "[" in item:
        return "deep_copy(value)"
    return f"{holder}(value)"
