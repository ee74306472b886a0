"""One form for each quantity and time, and which zeros are kept, as rules over plain values."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_local.apiserver.admission import Admission
from katib_local.apiserver.calls import Call
from katib_local.apiserver.kinds import NAMESPACES, Catalog
from katib_local.apiserver.kubernetes_types import types
from katib_local.apiserver.quantities import canonical_quantity
from katib_local.apiserver.registry import Registry
from katib_local.apiserver.store import Store
from katib_local.apiserver.times import canonical_time
from katib_local.apiserver.zeros import KEPT, keeps_zero
from katib_machinery.clock import ManualClock
from katib_machinery.scalars import parse_quantity

SUFFIXES = ("", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E-3", "e1")
NUMBERS = st.from_regex(r"[+-]?[0-9]{1,6}(\.[0-9]{0,6})?", fullmatch=True)


@given(NUMBERS, st.sampled_from(SUFFIXES))
def test_a_quantity_in_its_form_is_the_same_number_in_no_other_form(number: str, suffix: str) -> None:
    kept = canonical_quantity(number + suffix)
    meant = parse_quantity(number + suffix)
    rest = abs(parse_quantity(kept)) - abs(meant)
    assert 0 <= rest < Decimal("1e-9") and (rest == 0 or meant)  # below a billionth it is rounded up
    assert canonical_quantity(kept) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    {
        "more digits than 64 bits": ("12345678901234567890123", "12345678901234567890123"),
        "the largest of the binary ones": ("9Ei", "9223372036854775807"),
        "a small one below zero": ("-0.1n", "-1n"),
        "binary below zero": ("-1.5Gi", "-1536Mi"),
        "a large negative exponent": ("1e-999999999", "1e-9"),
        "nothing in any unit": ("-0.0Gi", "0"),
        "leading zeros of the right unit": ("012Ki", "012Ki"),
        "leading zeros of another one": ("01024Ki", "1Mi"),
    }.values(),
)
def test_the_edges_of_quantities(written: str, kept: str) -> None:
    assert canonical_quantity(written) == kept


@pytest.mark.parametrize("text", ["", "+", ".", "m", "1mm", "1 Gi", "1e", "0x1", "1,5", "½"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="should be a quantity"):
        canonical_quantity(text)


@pytest.mark.parametrize("text", ["9999-12-31T23:00:00-02:00", "2026-01-01T00:00:00+25:00", "0000-01-01T00:00:00Z"])
def test_a_time_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        canonical_time(text)


def test_the_table_of_zeros_names_fields_that_there_are() -> None:
    known: dict[str, set[str]] = {}
    for name, found in types().items():
        known.setdefault(name.rpartition(".")[2], set()).update(found.get("properties") or {})
    assert {struct: fields - known.get(struct, set()) for struct, fields in KEPT.items()} == {
        struct: frozenset() for struct in KEPT
    }
    assert keeps_zero("PodSpec", "shareProcessNamespace") and not keeps_zero("PodSpec", "hostPID")
    assert keeps_zero("TopologySpreadConstraint", "minDomains")  # the row goes on in the next line, or stands alone


def a_job(memory: str) -> dict[str, Any]:
    container = {"name": "a", "image": "a:1", "resources": {"limits": {"memory": memory}}}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": {"template": template}}


async def test_an_object_that_an_earlier_version_has_stored_in_other_forms_can_be_changed(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        registry = Registry(store, Catalog(), Admission(lambda _: [], None, {}), ManualClock().now)
        await registry.create(NAMESPACES, "", {"metadata": {"name": "default"}}, Call())
        kind = registry.catalog.find("batch", "v1", "jobs")
        assert kind is not None
        created = await registry.create(kind, "default", a_job("1Gi"), Call())
        written = json.loads(json.dumps(created).replace('"1Gi"', '"1024Mi"'))
        written["spec"]["template"]["spec"]["hostNetwork"] = False
        old = store.write(registry.key(kind, created), written)
        labelled = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}}
        changed = await registry.update(kind, labelled, old, Call())
        assert changed["metadata"]["labels"] == {"a": "b"} and changed["metadata"]["generation"] == 1
        assert changed["spec"] == created["spec"] != old["spec"]
