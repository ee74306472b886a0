"""What Katib's programs have asked of a control plane: refusals are found, and so is what was granted and used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from controlplane.audit import Use, VerbMissing, check_allowed, parse_grants, unused
from controlplane.plane import running
from katibs import CONTROLLER
from laptops import BIN

PERMISSIONS = """
controller:
  everywhere: [{group: batch, resources: [jobs, cronjobs], verbs: [get, list], why: It runs Jobs.}]
  cluster: []
  own_namespace: [{group: "", resources: [secrets], verbs: [get], only: [names.objects.a], why: It looks.}]
services: {early-stopping: {holds: rules}}
made_at_run_time: {rules: [{group: batch, resources: [jobs], verbs: [get], why: It marks.}]}
"""


def test_what_a_program_was_granted_and_has_not_used_is_told_with_its_reason() -> None:
    grants = parse_grants(yaml.safe_load(PERMISSIONS))
    used = {"controller": {Use("batch", "jobs", "get"), Use("batch", "jobs", "list"), Use("", "secrets", "get")}}
    assert [str(grant) for grant in unused(grants, used)] == [
        "controller may get cronjobs.batch, list cronjobs.batch: It runs Jobs.",
        "early-stopping may get jobs.batch: It marks.",
    ]


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
