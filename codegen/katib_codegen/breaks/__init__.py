"""What breaks a promise of the last release, and what to do instead. Pure: promises and today's sources to breaks."""

from collections.abc import Iterator

from katib_codegen.breaks.broken import Break
from katib_codegen.breaks.facts import name_breaks, permission_breaks, webhook_breaks
from katib_codegen.breaks.kinds import kind_breaks
from katib_codegen.breaks.messages import message_breaks
from katib_codegen.breaks.project import project_breaks
from katib_codegen.breaks.schemas import schema_breaks
from katib_codegen.model import Api
from katib_codegen.promises import Promises, promises

__all__ = ["Break", "breaks"]


def breaks(promised: Promises, api: Api) -> Iterator[Break]:
    """Every promise that the sources do not keep."""
    today = promises(api)
    yield from project_breaks(promised, today, api)
    yield from kind_breaks(promised["kinds"], today["kinds"], api)
    yield from schema_breaks(promised["types"], today["types"], api)
    yield from name_breaks(promised, today)
    yield from webhook_breaks(promised, today)
    yield from permission_breaks(promised["permissions"], today["permissions"], api)
    yield from message_breaks(promised, today, api)
