"""Whether x-katib-sdk says of a type or of a field what the SDKs can make of it."""

from collections.abc import Iterator

from katib_codegen.complaints import Complaint
from katib_codegen.model import Api
from katib_codegen.rules.nodes import fields, types

_OF_A_FIELD = ("required", "added")


def sdk_complaints(api: Api) -> Iterator[Complaint]:
    """Unknown words for the SDKs."""
    for node in types(api):
        if (word := node.schema.get("x-katib-sdk", "published")) != "published":
            yield node.complain(f"has the x-katib-sdk {word!r}; of a type, write published", "x-katib-sdk")
    for field in fields(api):
        if (word := field.schema.get("x-katib-sdk", "added")) not in _OF_A_FIELD:
            yield field.complain(f"has the x-katib-sdk {word!r}; of a field, write required or added", "x-katib-sdk")
