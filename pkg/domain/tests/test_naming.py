"""Names: resources.md §8, RES-4."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_domain.naming import (
    db_manager_endpoint,
    early_stopping_endpoint,
    legal_label_value,
    legal_name,
    suggestion_endpoint,
    suggestion_name,
    suggestion_volume_name,
    trial_name,
)

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")


def test_the_names_of_an_experiments_objects() -> None:
    assert suggestion_name("exp", "random") == "exp-random"
    assert suggestion_endpoint("exp", "random", "ns") == "exp-random.ns:6789"
    assert early_stopping_endpoint("exp", "random", "ns") == "exp-random.ns:6788"
    assert suggestion_volume_name("exp", "random", "ns") == "exp-random-ns"
    assert trial_name("exp", 0, "bcdfg") == "exp-222bcdfg"


def test_names_of_trials_sort_as_they_were_suggested() -> None:
    suggested = [trial_name("exp", number, "z2"[number % 2] * 5) for number in range(27**3)]
    assert suggested == sorted(set(suggested)) and {len(name) for name in suggested} == {len("exp-") + 8}


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        (("kubeflow",), "katib-db-manager.kubeflow:6789"),
        (("",), "katib-db-manager:6789"),
        (("ns", "host", "1"), "host.ns:1"),
    ],
)
def test_the_db_managers_address(arguments: tuple[str, ...], address: str) -> None:
    assert db_manager_endpoint(*arguments) == address


@pytest.mark.parametrize("name", ["a", "exp-bcdfghjk", "x" * 63, "0-1"])
def test_a_legal_name_stays(name: str) -> None:
    assert legal_name(name) == name


@given(st.text(max_size=120))
def test_any_name_becomes_a_label_always_the_same(name: str) -> None:
    """RES-4."""
    legal = legal_name(name)
    assert LABEL.fullmatch(legal) and len(legal) <= 63
    assert legal_name(name) == legal == legal_name(legal)


@given(st.text(max_size=120))
def test_any_text_becomes_a_label_value_always_the_same(text: str) -> None:
    legal = legal_label_value(text)
    assert VALUE.fullmatch(legal) and len(legal) <= 63
    assert legal_label_value(legal) == legal


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert legal_name("x" * 70 + "1") != legal_name("x" * 70 + "2")
