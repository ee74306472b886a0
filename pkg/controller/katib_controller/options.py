"""What the program is started with: flags, environment, and the start part of the KatibConfig. Reads no environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.models import ControllerConfig
from katib_domain.katib_config import (
    GroupVersionKind,
    KatibConfigError,
    init_config,
    parse_katib_config,
    parse_trial_resources,
)
from katib_domain.naming import db_manager_endpoint
from katib_machinery.flags import FlagParser, ShowVersion


class OptionsError(ValueError):
    """The program cannot be started like this; the message says why, in one line."""


@dataclass(frozen=True)
class Options:
    """Everything that is settled before the program starts to work."""

    katib_config: str = ""
    kubeconfig: str | None = None
    cert_dir: str = names.PATH_CERTIFICATES
    webhook_host: str = ""
    webhook_client_ca: str | None = None
    namespace: str | None = None
    log_level: str = "info"
    log_format: str = "json"
    core_namespace: str = names.ENV_CORE_NAMESPACE_DEFAULT
    db_manager: str = ""
    identity: str = ""
    controller: ControllerConfig = field(default_factory=ControllerConfig)
    trial_resources: tuple[GroupVersionKind, ...] = ()

    @property
    def metrics_address(self) -> str:
        return _given(self.controller.metrics_addr, defaults.CONTROLLER_CONFIG_METRICS_ADDR)

    @property
    def health_address(self) -> str:
        return _given(self.controller.healthz_addr, defaults.CONTROLLER_CONFIG_HEALTHZ_ADDR)

    @property
    def webhook_port(self) -> int:
        return self.controller.webhook_port or defaults.CONTROLLER_CONFIG_WEBHOOK_PORT

    @property
    def election_id(self) -> str:
        return self.controller.leader_election_id or defaults.CONTROLLER_CONFIG_LEADER_ELECTION_ID


def _given(value: str | None, default: str) -> str:
    return default if value is None else value


def parser() -> FlagParser:
    """Describe the flags."""
    flags = FlagParser(
        prog="katib-controller",
        description="Moves Experiments, Suggestions and Trials, and serves Katib's admission webhooks.",
        allow_abbrev=False,
    )

    def add(name: str, text: str, default: str | None = None) -> None:
        flags.add_argument(f"--{name}", default=default, metavar=name.upper(), help=text)

    add("katib-config", "file with the KatibConfig whose init part is read at the start (default: built-in values)", "")
    add("kubeconfig", "kubeconfig of the cluster (default: $KUBECONFIG, ~/.kube/config, or the pod's account)")
    add("cert-dir", "directory of tls.crt and tls.key of the webhook server", names.PATH_CERTIFICATES)
    add("webhook-host", "address that the webhook server listens on (default: all)", "")
    add("webhook-client-ca", "file with the authority that callers of the webhooks must be certified by")
    add("namespace", "work in this namespace only (default: in all)")
    add("log-level", "least level that is logged: debug, info, warning or error", "info")
    add("log-format", "json, or text for people", "json")
    flags.add_argument("--version", action=ShowVersion, distribution="katib-controller")
    return flags


def parse_options(arguments: Sequence[str], environ: Mapping[str, str], *, identity: str = "") -> Options:
    """Settle everything; raises OptionsError. Wrong flags end the program."""
    flags = parser().parse_args(arguments)
    core_namespace = environ.get(names.ENV_CORE_NAMESPACE, names.ENV_CORE_NAMESPACE_DEFAULT)
    controller = _read_init(flags.katib_config)
    try:
        resources = parse_trial_resources(controller.trial_resources or defaults.CONTROLLER_CONFIG_TRIAL_RESOURCES)
    except KatibConfigError as error:
        raise OptionsError(str(error)) from error
    return Options(
        **vars(flags),
        core_namespace=core_namespace,
        db_manager=db_manager_endpoint(
            environ.get(names.ENV_DB_MANAGER_NAMESPACE, core_namespace),
            environ.get(names.ENV_DB_MANAGER_HOST, names.ENV_DB_MANAGER_HOST_DEFAULT),
            environ.get(names.ENV_DB_MANAGER_PORT, names.ENV_DB_MANAGER_PORT_DEFAULT),
        ),
        identity=identity,
        controller=controller,
        trial_resources=tuple(resources),
    )


def _read_init(path: str) -> ControllerConfig:
    if not path:
        return ControllerConfig()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionsError(f"the KatibConfig {path} cannot be read: {error}") from error
    try:
        return init_config(parse_katib_config(text)).controller or ControllerConfig()
    except KatibConfigError as error:
        raise OptionsError(f"{path}: {error}") from error
