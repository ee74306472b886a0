"""What every model can do. Knows Pydantic; knows no type of Katib's or Kubernetes'."""

import json
import pprint
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator


class Model(BaseModel):
    """A type of the API. Arguments go by Python or JSON name; those that it does not have are left out."""

    model_config = ConfigDict(populate_by_name=True, validate_assignment=True, protected_namespaces=())

    def to_dict(self) -> dict[str, Any]:
        """The model by JSON names, without what is absent; times stay times."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def to_json(self) -> str:
        """The model as JSON text; times in RFC 3339."""
        return json.dumps(self.to_dict(), default=_text)

    def to_str(self) -> str:
        """The model for people, absent fields included."""
        return pprint.pformat(self.model_dump(by_alias=True))

    @classmethod
    def from_dict(cls, obj: Any) -> Self | None:
        """The model that a dict of JSON names says; None for None.

        Raises:
            pydantic.ValidationError: A value is not of its field's type, or a required one is missing.
        """
        return None if obj is None else cls.model_validate(obj)

    @classmethod
    def from_json(cls, json_str: str) -> Self | None:
        """The model that a JSON text says; raises as `from_dict` does."""
        return cls.from_dict(json.loads(json_str))


class OneOf(Model):
    """A scalar that may be of several types: `Quantity("1Gi").actual_instance`. In dicts and JSON it is the scalar."""

    def __init__(self, *values: Any, **named: Any) -> None:
        if len(values) > 1 or (values and named):
            raise ValueError(f"{type(self).__name__} takes one value, by place or as actual_instance")
        super().__init__(**({"actual_instance": values[0]} if values else named))

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return value if isinstance(value, dict | cls) else {"actual_instance": value}

    @model_serializer
    def _to_scalar(self) -> Any:
        return getattr(self, "actual_instance")  # noqa: B009 (each subclass says of which types it is)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"{type(value).__name__} is no JSON value")
