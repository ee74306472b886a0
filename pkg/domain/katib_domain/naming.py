"""Names of everything that belongs to an Experiment, and what makes a name legal."""

import hashlib
import re
from typing import Final

from katib_apis.v1beta1 import names

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LONGEST: Final = 63
_HASH_LENGTH: Final = 10
_EXPERIMENT: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_LONGEST_EXPERIMENT: Final = 40


def experiment_name_problem(name: str) -> str | None:
    """What an Experiment's name must be, when it is not (WH-3: the whole name must match)."""
    if _EXPERIMENT.fullmatch(name) and len(name) <= _LONGEST_EXPERIMENT:
        return None
    return (
        f"must be {_LONGEST_EXPERIMENT} characters at most, begin with a lower-case letter, go on with lower-case letters, "
        "digits and '-', and end with a letter or digit, such as my-experiment-1"
    )


def legal_name(text: str) -> str:
    """Return ``text`` if it is a DNS label; else a stable, hash-suffixed label that resembles it (RES-4)."""
    if len(text) <= _LONGEST and _LABEL.fullmatch(text):
        return text
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return _hashed(plain, text, "-")


def legal_label_value(text: str) -> str:
    """Return ``text`` if it may be the value of a label; else a stable, hash-suffixed value that resembles it."""
    if len(text) <= _LONGEST and _LABEL_VALUE.fullmatch(text):
        return text
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")
    return _hashed(plain, text, "-_.")


def _hashed(plain: str, text: str, stripped: str) -> str:
    suffix = hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
    head = plain[: _LONGEST - _HASH_LENGTH - 1].rstrip(stripped)
    return f"{head}-{suffix}" if head else suffix


def suggestion_name(experiment: str, algorithm: str) -> str:
    """Name of a Suggestion's Deployment, Service, claim and account."""
    return legal_name(f"{experiment}-{algorithm}")


def suggestion_volume_name(experiment: str, algorithm: str, namespace: str) -> str:
    """Name of the cluster-wide volume of a Suggestion."""
    return f"{experiment}-{algorithm}-{namespace}"


def suggestion_endpoint(experiment: str, algorithm: str, namespace: str) -> str:
    """Address of an Experiment's own algorithm service."""
    return f"{suggestion_name(experiment, algorithm)}.{namespace}:{names.PORT_SUGGESTION}"


def early_stopping_endpoint(experiment: str, algorithm: str, namespace: str) -> str:
    """Address of an Experiment's own early-stopping service; ``algorithm`` is the one that suggests."""
    return f"{suggestion_name(experiment, algorithm)}.{namespace}:{names.PORT_EARLY_STOPPING}"


def db_manager_endpoint(
    namespace: str,
    host: str = names.ENV_DB_MANAGER_HOST_DEFAULT,
    port: str = names.ENV_DB_MANAGER_PORT_DEFAULT,
) -> str:
    """Address of the DB manager; an empty namespace means the caller's own."""
    return f"{host}.{namespace}:{port}" if namespace else f"{host}:{port}"


def trial_name(experiment: str, number: int, random_part: str) -> str:
    """Name of the Trial with a number, from 0, that the algorithm has not named.

    Names of later Trials sort behind those of earlier ones: services that take Trials of one second in the order of
    their names take them as they were suggested.
    """
    letters = sorted(names.TRIAL_NAME_ALPHABET)
    ordinal = ""
    for _ in range(names.TRIAL_NAME_LENGTH - len(random_part)):
        number, letter = divmod(number, len(letters))
        ordinal = letters[letter] + ordinal
    return legal_name(f"{experiment}-{ordinal}{random_part}")
