"""Whether the sources say all that a reader needs, and nothing that a product cannot keep. Knows which rules there are."""

from collections.abc import Callable, Iterator

from katib_codegen.complaints import Complaint, told
from katib_codegen.model import Api
from katib_codegen.rules.admission import admission_complaints
from katib_codegen.rules.bounds import bound_complaints
from katib_codegen.rules.conditions import condition_complaints
from katib_codegen.rules.entries import entry_complaints
from katib_codegen.rules.expressions import expression_complaints
from katib_codegen.rules.facts import fact_complaints
from katib_codegen.rules.grants import grant_complaints
from katib_codegen.rules.kinds import kind_complaints
from katib_codegen.rules.lists import list_complaints
from katib_codegen.rules.messages import message_complaints
from katib_codegen.rules.names import name_complaints
from katib_codegen.rules.sdk import sdk_complaints
from katib_codegen.rules.structure import structure_complaints
from katib_codegen.rules.values import value_complaints
from katib_codegen.rules.words import word_complaints

RULES: tuple[Callable[[Api], Iterator[Complaint]], ...] = (
    word_complaints,
    value_complaints,
    bound_complaints,
    name_complaints,
    structure_complaints,
    list_complaints,
    kind_complaints,
    condition_complaints,
    expression_complaints,
    fact_complaints,
    entry_complaints,
    grant_complaints,
    message_complaints,
    sdk_complaints,
    admission_complaints,
)


def lint(api: Api) -> list[str]:
    """Every fault with its line, what is wrong and what would be right; empty when there is none."""
    complaints = [complaint for rule in RULES for complaint in rule(api)]
    return told(complaints, api.sources.folder, api.sources.lines)
