"""What holds for every test: its examples are the same at every run, however long they take; and the options.

`nox -s fuzz` draws new examples each time.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared machine",
    deadline=None,
    derandomize="KATIB_FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("katib")
    group.addoption(
        "--server",
        choices=("laptop", "real", "both"),
        default="laptop",
        help="which Kubernetes to test against: the laptop's server, a real control plane (nox -s kube), or both",
    )
    group.addoption("--kube", metavar="VERSION", help="which real Kubernetes: a folder of hack/kube, else the newest")
    group.addoption(
        "--moments",
        type=int,
        metavar="NUMBER",
        help="kills of the laptop's programs (default: one each; nox -s stress)",
    )
    group.addoption("--seed", type=int, default=1, help="which random moments those are (default: 1)")
