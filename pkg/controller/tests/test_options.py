"""Flags, environment and the start part of the KatibConfig: install.md §5, resources.md §7."""

from pathlib import Path

import pytest

from katib_apis.v1beta1 import names
from katib_controller.__main__ import main
from katib_controller.options import OptionsError, parse_options
from katib_controller.servers import parse_address

CONFIG = """
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
init:
  controller:
    metricsAddr: "0"
    healthzAddr: 127.0.0.1:9999
    trialResources: [Job.v1.batch, TFJob.v1.kubeflow.org]
    webhookPort: 9443
    enableLeaderElection: true
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "katib-config.yaml"
    path.write_text(CONFIG)
    return path


def test_without_anything_the_defaults_hold() -> None:
    options = parse_options([], {})
    assert (options.metrics_address, options.health_address, options.webhook_port) == (":8080", ":18080", 8443)
    assert options.core_namespace == "kubeflow"
    assert options.db_manager == "katib-db-manager.kubeflow:6789"
    assert options.cert_dir == names.PATH_CERTIFICATES
    assert options.election_id == "3fbc96e9.katib.kubeflow.org"
    assert [(kind.kind, kind.version, kind.group) for kind in options.trial_resources] == [("Job", "v1", "batch")]


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_the_configuration_is_read_and_one_dash_is_as_good_as_two(config: Path, dashes: str) -> None:
    options = parse_options([f"{dashes}katib-config={config}", f"{dashes}kubeconfig", "k"], {})
    assert (options.metrics_address, options.health_address) == ("0", "127.0.0.1:9999")
    assert (options.webhook_port, options.kubeconfig) == (9443, "k")
    assert options.controller.enable_leader_election is True
    assert len(options.trial_resources) == 2


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({names.ENV_CORE_NAMESPACE: "katib"}, "katib-db-manager.katib:6789"),
        ({names.ENV_DB_MANAGER_NAMESPACE: "db"}, "katib-db-manager.db:6789"),
        ({names.ENV_DB_MANAGER_NAMESPACE: ""}, "katib-db-manager:6789"),
        ({names.ENV_DB_MANAGER_HOST: "h", names.ENV_DB_MANAGER_PORT: "1"}, "h.kubeflow:1"),
    ],
)
def test_the_environment_says_where_the_db_manager_is(environ: dict[str, str], address: str) -> None:
    """resources.md §8: an empty variable counts as set."""
    assert parse_options([], environ).db_manager == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("a: [", "not YAML"),
        ("kind: Other", "KatibConfig"),
        (CONFIG.replace("Job.v1.batch", "Job.v1"), "invalid GroupVersionKinds"),
        (CONFIG.replace("webhookPort: 9443", "webhookPort: many"), "init.controller.webhookPort"),
    ],
)
def test_a_bad_configuration_ends_the_program_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    path = tmp_path / "katib-config.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(OptionsError, match=words):
        parse_options([f"--katib-config={path}"], {})
    assert main([f"--katib-config={path}"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("katib-controller: ") and message.count("\n") == 1


def test_help_and_version_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    for flag, words in (("--help", "--katib-config"), ("--version", "katib-controller ")):
        with pytest.raises(SystemExit) as ended:
            main([flag])
        assert ended.value.code == 0 and words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "place"),
    [("0", None), ("", None), (":8080", ("0.0.0.0", 8080)), ("127.0.0.1:1", ("127.0.0.1", 1)), ("[::1]:2", ("::1", 2))],
)
def test_addresses(address: str, place: tuple[str, int] | None) -> None:
    assert parse_address(address) == place


@pytest.mark.parametrize("address", ["8080", "host:", "host:http"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        parse_address(address)
