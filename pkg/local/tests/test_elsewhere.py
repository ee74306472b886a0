"""Where objects are that were looked for in another namespace."""

from __future__ import annotations

import pytest

from katib_local.elsewhere import Sought, parse_sought, render_elsewhere

SOUGHT = {
    "get experiments": Sought("experiments", ()),
    "get experiment one": Sought("experiment", ("one",)),
    "get -n default -o yaml trials one two": Sought("trials", ("one", "two")),
    "describe trial/one": Sought("trial", ("one",)),
    "logs one --tail=3": Sought("pods", ("one",)),
    "logs job/one": Sought("job", ("one",)),
    "get trials one -A": None,
    "get trials -l a=b": None,
    "delete -f file.yaml": None,
    "get": None,
}


@pytest.mark.parametrize(("command", "sought"), SOUGHT.items(), ids=SOUGHT.keys())
def test_what_was_looked_for_is_read_from_the_command(command: str, sought: Sought | None) -> None:
    action, *rest = command.split()
    assert parse_sought(action, rest) == sought


def test_the_namespaces_that_hold_it_are_named_with_the_flag() -> None:
    items = [{"metadata": {"name": name, "namespace": f"ns-{name}"}} for name in ("b", "a", "c")]
    items.append({"metadata": {"name": "a"}})
    assert render_elsewhere(Sought("trial", ("a", "b")), items) == (
        "trial a b: found in the namespace ns-a and ns-b; add -n ns-a"
    )
    assert render_elsewhere(Sought("trials", ()), items[:1]) == "trials: found in the namespace ns-b; add -n ns-b"
    assert render_elsewhere(Sought("trial", ("d",)), items) == ""
