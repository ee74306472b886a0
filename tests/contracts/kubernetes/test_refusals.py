"""Claims, volumes, roles, Services and Jobs that cannot be: every cause in the words of a real server."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.kubernetes.servers import SPACE, Json, Server, by_version

CLAIMS, VOLUMES = f"{SPACE}/persistentvolumeclaims", "/api/v1/persistentvolumes"
SERVICES, SECRETS = f"{SPACE}/services", f"{SPACE}/secrets"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES, CLUSTER_ROLES = f"{RBAC}/namespaces/default/roles", f"{RBAC}/clusterroles"
BINDINGS, CLUSTER_BINDINGS = f"{RBAC}/namespaces/default/rolebindings", f"{RBAC}/clusterrolebindings"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
MODES = '"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'
ACCOUNT = "kubernetes.io/service-account.name"
TOKEN = "kubernetes.io/service-account-token"
ROLE: Json = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}


def made(**parts: Any) -> Json:
    return {"metadata": {"name": "x"}, **parts}


def a_claim(**spec: Any) -> Json:
    right = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return made(spec={**right, **spec})


def a_volume(**spec: Any) -> Json:
    right = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    return made(spec={**right, **spec})


def a_role(*rules: Json) -> Json:
    return made(rules=[{"verbs": ["get"], **rule} for rule in rules])


def a_binding(*subjects: Json, **reference: Any) -> Json:
    return made(roleRef={**ROLE, **reference}, subjects=list(subjects))


def a_service(port: Json | None = None, **spec: Any) -> Json:
    return made(spec={"ports": [{"port": 80, **(port or {})}], **spec})


def a_job(**spec: Any) -> Json:
    pod = {"containers": [{"name": "a", "image": "i"}], "restartPolicy": "Never"}
    return made(spec={"template": {"spec": pod}, **spec})


REFUSED: dict[str, tuple[str, Json, list[str]]] = {
    "a claim of nothing": (
        CLAIMS,
        made(spec={}),
        [
            "spec.accessModes: Required value: at least 1 access mode is required",
            "spec.resources[storage]: Required value",
        ],
    ),
    "a claim's mode": (
        CLAIMS,
        a_claim(accessModes=["Foo"]),
        [f'spec.accessModes: Unsupported value: "Foo": supported values: {MODES}'],
    ),
    "one pod and others": (
        CLAIMS,
        a_claim(accessModes=["ReadWriteOncePod", "ReadWriteOnce"]),
        ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
    ),
    "a claim of less than nothing": (
        CLAIMS,
        a_claim(resources={"requests": {"storage": "-1"}}),
        ['spec.resources[storage]: Invalid value: "-1": must be greater than zero'],
    ),
    "a claim's class and form": (
        CLAIMS,
        a_claim(storageClassName="A_B", volumeMode="foo"),
        [
            f'spec.storageClassName: Invalid value: "A_B": {SUBDOMAIN}',
            'spec.volumeMode: Unsupported value: "foo": supported values: "Block", "Filesystem"',
        ],
    ),
    "a claim's selector": (
        CLAIMS,
        a_claim(selector={"matchExpressions": [{"key": "a", "operator": "Foo"}]}),
        ['spec.selector.matchExpressions[0].operator: Invalid value: "Foo": not a valid selector operator'],
    ),
    "a volume of nothing": (
        VOLUMES,
        made(spec={}),
        [
            "spec.accessModes: Required value",
            "spec.capacity: Required value",
            'spec.capacity: Unsupported value: null: supported values: "storage"',
            "spec: Required value: must specify a volume type",
        ],
    ),
    "a volume of two kinds": (
        VOLUMES,
        a_volume(nfs={"server": "a", "path": "/b"}),
        ["spec.nfs: Forbidden: may not specify more than 1 volume type"],
    ),
    "a volume of less than nothing": (
        VOLUMES,
        a_volume(capacity={"storage": "-1"}),
        [
            'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
            "spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
        ],
    ),
    "what becomes of a volume": (
        VOLUMES,
        a_volume(persistentVolumeReclaimPolicy="Foo", hostPath={"path": "/a/../b"}),
        [
            "spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
            'spec.persistentVolumeReclaimPolicy: Unsupported value: "Foo": supported values: "Delete", "Recycle", "Retain"',
        ],
    ),
    "a local volume without its node": (
        VOLUMES,
        made(spec={**{k: v for k, v in a_volume()["spec"].items() if k != "hostPath"}, "local": {"path": "/a"}}),
        ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
    ),
    "a rule about nothing": (
        ROLES,
        a_role({}),
        [
            "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            "rules[0].resources: Required value: resource rules must supply at least one resource",
        ],
    ),
    "paths in a namespace": (
        ROLES,
        a_role({"nonResourceURLs": ["/x"]}),
        ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
    ),
    "paths and objects": (
        CLUSTER_ROLES,
        a_role({"nonResourceURLs": ["/x"], "apiGroups": [""], "resources": ["pods"]}),
        [
            'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and '
            "non-resource URLs"
        ],
    ),
    "a role out of no roles": (
        CLUSTER_ROLES,
        made(aggregationRule={}),
        [
            "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if "
            "aggregationRule is non-nil"
        ],
    ),
    "a binding of no role": (
        BINDINGS,
        made(),
        [
            'roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole"',
            "roleRef.name: Required value",
        ],
    ),
    "a binding's role": (
        BINDINGS,
        a_binding(apiGroup="x", name="a/b"),
        [
            'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
            "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
        ],
    ),
    "a role of a namespace for all of them": (
        CLUSTER_BINDINGS,
        a_binding(),
        ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'],
    ),
    "a binding for nobody": (
        BINDINGS,
        a_binding({}),
        [
            'subjects[0].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"',
            "subjects[0].name: Required value",
        ],
    ),
    "an account in no namespace": (
        CLUSTER_BINDINGS,
        a_binding({"kind": "ServiceAccount", "name": "X_", "apiGroup": "z"}, kind="ClusterRole"),
        [
            'subjects[0].apiGroup: Unsupported value: "z": supported values: ""',
            f'subjects[0].name: Invalid value: "X_": {SUBDOMAIN}',
            "subjects[0].namespace: Required value",
        ],
    ),
    "a user of another group": (
        BINDINGS,
        a_binding({"kind": "User", "name": "x", "apiGroup": "foo"}),
        ['subjects[0].apiGroup: Unsupported value: "foo": supported values: "rbac.authorization.k8s.io"'],
    ),
    "a token of nobody": (SECRETS, made(type=TOKEN), [f"metadata.annotations[{ACCOUNT}]: Required value"]),
    "addresses from outside": (
        SERVICES,
        a_service(externalIPs=["x", "127.0.0.1"], loadBalancerSourceRanges=["x"], type="LoadBalancer"),
        [
            'spec.LoadBalancerSourceRanges[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or '
            "2001:db8::/64)",
            'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        ],
    ),
    "policies of traffic": (
        SERVICES,
        a_service(externalTrafficPolicy="Foo", internalTrafficPolicy="Bar"),
        [
            'spec.externalTrafficPolicy: Invalid value: "Foo": may only be set for externally-accessible services',
            'spec.internalTrafficPolicy: Unsupported value: "Bar": supported values: "Cluster", "Local"',
        ],
    ),
    "a node's port inside": (
        SERVICES,
        a_service({"nodePort": 30005}),
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    "an affinity without time": (
        SERVICES,
        a_service(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 0}}),
        [
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400"
        ],
    ),
    "families of addresses": (
        SERVICES,
        a_service(ipFamilies=["IPv5"], ipFamilyPolicy="X"),
        [
            'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
            'spec.ipFamilyPolicy: Unsupported value: "X": supported values: "PreferDualStack", "RequireDualStack", '
            '"SingleStack"',
        ],
    ),
    "a job of somebody without a domain": (
        JOBS,
        a_job(managedBy="foo"),
        ['spec.managedBy: Invalid value: "foo": must be a domain-prefixed path (such as "acme.io/foo")'],
    ),
    "a job of somebody in a wrong domain": (
        JOBS,
        a_job(managedBy="a_b/foo"),
        [f'spec.managedBy: Invalid value: "a_b": {SUBDOMAIN}'],
    ),
    "too many pods with numbers": (
        JOBS,
        a_job(parallelism=200000, completions=200000, completionMode="Indexed"),
        [
            "spec.parallelism: Invalid value: 200000: must be less than or equal to 100000 when completion mode is Indexed"
        ],
    ),
    "too many failures": (
        JOBS,
        a_job(completions=100001, completionMode="Indexed", backoffLimitPerIndex=1, maxFailedIndexes=100001),
        [
            "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000",
            "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000 when completions are above "
            "100000 and used with backoff limit per index",
        ],
    ),
}
TAKEN: dict[str, tuple[str, Json]] = {
    "a claim": (CLAIMS, a_claim()),
    "a claim of another's data": (CLAIMS, a_claim(dataSource={"kind": "", "name": ""})),
    "a volume": (VOLUMES, a_volume()),
    "an account of this namespace": (BINDINGS, a_binding({"kind": "ServiceAccount", "name": "x"})),
    "a user of the group that is meant": (BINDINGS, made(roleRef={"kind": "Role", "name": "r"})),
    "a job of another controller": (JOBS, a_job(managedBy="a.b/foo")),
    "a job of many pods": (JOBS, a_job(parallelism=200000)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_by_each_field(server: Server, case: str) -> None:
    path, document, told = REFUSED[case]
    answer = server.call("POST", path, document, dryRun="All")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    assert sorted(f"{cause['field']}: {cause['message']}" for cause in answer.body["details"]["causes"]) == sorted(told)


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_near_to_that_can_be(server: Server, case: str) -> None:
    path, document = TAKEN[case]
    assert server.call("POST", path, document, dryRun="All").code == 201


TOKENS = {
    "no JSON": ("foo", "invalid character '~' looking for beginning of value"),
    "another's": ("e30", "server does"),
}


@pytest.mark.parametrize("case", TOKENS)
def test_a_wrong_token_of_a_list_is_told_what_is_wrong_with_it(server: Server, case: str) -> None:
    token, why = TOKENS[case]
    for version in ({}, {"resourceVersion": "5"}):
        answer = server.call("GET", SECRETS, **{"limit": "1", "continue": token}, **version)
        assert answer.code == 400
        assert answer.body["message"].startswith(f"invalid continue token: continue key is not valid: {why}")


def test_an_address_has_no_leading_zeros(server: Server) -> None:
    answer = server.call("POST", SERVICES, a_service(externalIPs=["010.1.1.1"]), dryRun="All")
    assert answer.code == by_version(server, newest=422, oldest=201), answer.body


def test_roles_and_people_are_of_the_group_that_there_is(server: Server) -> None:
    people = [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "a", "namespace": "n"}]
    document = made(roleRef={"kind": "Role", "name": "r"}, subjects=people)
    found = server.good("POST", BINDINGS, document, dryRun="All").body
    group = {"apiGroup": "rbac.authorization.k8s.io"}
    assert found["roleRef"] == {**document["roleRef"], **group}
    assert found["subjects"] == [{**people[0], **group}, people[1]]
