"""What Katib's programs have asked of a control plane: refusals are found, and so is what was granted and used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from controlplane.audit import Use, VerbMissing, check_allowed, granted
from controlplane.plane import running
from katibs import CONTROLLER
from laptops import BIN

RULES = [{"apiGroups": ["", "batch"], "resources": ["jobs"], "verbs": ["get", "list"]}]


def test_each_verb_of_each_resource_of_a_role_is_one_grant() -> None:
    documents = [
        {"kind": "ClusterRole", "metadata": {"name": "mine"}, "rules": RULES},
        {"kind": "Role", "metadata": {"name": "mine"}, "rules": RULES[:0]},
        {"kind": "ClusterRole", "metadata": {"name": "another"}, "rules": [{**RULES[0], "verbs": ["delete"]}]},
        {"kind": "ServiceAccount", "metadata": {"name": "mine"}},
    ]
    assert granted(documents, "mine") == {
        Use(group, "jobs", verb) for group in ("", "batch") for verb in ("get", "list")
    }


def test_a_verb_that_is_missing_is_named_with_its_request_and_one_that_is_used_is_seen(
    kubernetes_binaries: Path, tmp_path: Path
) -> None:
    with running(kubernetes_binaries, tmp_path, controllers=False, audit=True) as plane:
        groups = ["system:serviceaccounts", "system:serviceaccounts:kubeflow"]
        files = {"granted": plane.user(CONTROLLER, groups).kubeconfig, "admin": plane.kubeconfig}

        def kubectl(who: str, *words: str) -> int:
            command = [str(BIN / "kubectl"), f"--kubeconfig={files[who]}", *words]
            return subprocess.run(command, capture_output=True).returncode

        assert kubectl("granted", "get", "configmaps") == 1
        assert plane.audit is not None
        with pytest.raises(VerbMissing, match=r"katib-controller may not list configmaps \(/api/v1/namespaces/default"):
            check_allowed(plane.audit.requests())
        kubectl("admin", "create", "clusterrole", "reader", "--verb=list", "--resource=configmaps")
        kubectl("admin", "create", "clusterrolebinding", "reader", "--clusterrole=reader", f"--user={CONTROLLER}")
        while kubectl("granted", "get", "configmaps"):
            pass
        assert {request.use for request in plane.audit.requests() if request.allowed} >= {Use("", "configmaps", "list")}
