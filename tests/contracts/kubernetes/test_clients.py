"""The clients that people use: kubectl, and the official Python client with its watch and its dynamic client."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import kubernetes
import pytest
from contracts.kubernetes.servers import Server, a_config_map, a_pizza

Fresh = Callable[[], str]


@pytest.fixture
def client(server: Server) -> Iterator[kubernetes.client.ApiClient]:
    with kubernetes.config.new_client_from_config(str(server.kubeconfig)) as found:
        yield found


def test_kubectl_applies_gets_edits_labels_patches_and_deletes(server: Server, fresh: Fresh) -> None:
    name = fresh()
    text = json.dumps(a_config_map(name, color="blue"))
    assert server.kubectl("apply", "-f", "-", stdin=text).stdout == f"configmap/{name} created\n"
    assert server.kubectl("apply", "-f", "-", stdin=text).stdout == f"configmap/{name} unchanged\n"
    assert server.kubectl("get", "configmap", name, "-o", "jsonpath={.data.color}").stdout == "blue"
    assert "color: blue" in server.kubectl("get", "configmap", name, "-o", "yaml").stdout
    edited = server.kubectl("edit", "configmap", name, KUBE_EDITOR="sed -i s/blue/red/")
    assert edited.stdout == f"configmap/{name} edited\n", edited.stderr
    assert server.kubectl("label", "configmap", name, "team=vision").returncode == 0
    assert server.kubectl("annotate", "configmap", name, "why=test").returncode == 0
    assert server.kubectl("patch", "configmap", name, "-p", '{"data":{"size":"2"}}').returncode == 0
    described = server.kubectl("describe", "configmap", name).stdout
    assert "color:" in described and "red" in described and "team=vision" in described
    replaced = server.kubectl("replace", "-f", "-", stdin=json.dumps(a_config_map(name, color="green")))
    assert replaced.stdout == f"configmap/{name} replaced\n"
    wide = server.kubectl("get", "configmaps", "-o", "wide").stdout.splitlines()
    assert wide[0].split() == ["NAME", "DATA", "AGE"]
    assert server.kubectl("delete", "configmap", name).stdout.startswith(f'configmap "{name}" deleted')
    assert server.kubectl("get", "configmap", name).returncode == 1


def test_kubectl_watches(server: Server, fresh: Fresh) -> None:
    name = fresh()
    program = [str(Path(sys.executable).parent / "kubectl"), f"--kubeconfig={server.kubeconfig}"]
    arguments = ["get", "configmaps", "-w", "--field-selector", f"metadata.name={name}", "-o", "name"]
    with subprocess.Popen([*program, *arguments], stdout=subprocess.PIPE, text=True) as watching:
        server.good("POST", "/api/v1/namespaces/default/configmaps", a_config_map(name))
        assert watching.stdout is not None
        assert watching.stdout.readline() == f"configmap/{name}\n"
        watching.terminate()


def test_kubectl_waits_scales_and_explains(server: Server, pizzas: str, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", pizzas, a_pizza(name))
    server.good("PATCH", f"{pizzas}/{name}/status", {"status": {"eaten": True}}, "application/merge-patch+json")
    waited = server.kubectl("wait", f"pizza/{name}", "--for=jsonpath={.status.eaten}=true", "--timeout=5s")
    assert waited.returncode == 0, waited.stderr
    made = server.kubectl("create", "deployment", name, "--image=i:1", "--", "sleep", "1")
    assert made.returncode == 0, made.stderr
    assert server.kubectl("scale", "deployment", name, "--replicas=0").returncode == 0
    assert server.kubectl("get", "deployment", name, "-o", "jsonpath={.spec.replicas}").stdout == "0"
    assert server.kubectl("auth", "can-i", "create", "pods").stdout == "yes\n"
    assert server.kubectl("auth", "whoami").returncode == 0
    assert "size" in server.kubectl("explain", "pizzas.spec").stdout


GENERATED = {
    "namespace": (["namespace", "NAME"], "jsonpath={.status.phase}", "Active"),
    "configmap": (["configmap", "NAME", "--from-literal=a=b"], "jsonpath={.data.a}", "b"),
    "secret": (["secret", "generic", "NAME", "--from-literal=a=b"], "jsonpath={.data.a}{.type}", "Yg==Opaque"),
    "serviceaccount": (["serviceaccount", "NAME"], "jsonpath={.metadata.namespace}", "default"),
    "job": (["job", "NAME", "--image=i:1", "--", "x", "y"], "jsonpath={..containers[0].command}", '["x","y"]'),
    "deployment": (["deployment", "NAME", "--image=i:1", "--replicas=0"], "jsonpath={.spec.replicas}", "0"),
}


@pytest.mark.parametrize("kind", GENERATED)
def test_kubectl_generates_objects(server: Server, fresh: Fresh, kind: str) -> None:
    """Its generators send protobuf."""
    words, path, expected = GENERATED[kind]
    name = fresh()
    made = server.kubectl("create", *(name if word == "NAME" else word for word in words))
    assert made.returncode == 0 and made.stdout.endswith(f"/{name} created\n"), made.stderr
    assert server.kubectl("get", kind, name, "-o", path).stdout == expected


def test_kubectl_says_what_is_wrong_with_an_object(server: Server, pizzas: str, fresh: Fresh) -> None:
    done = server.kubectl("create", "-f", "-", stdin=json.dumps(a_pizza(fresh(), size=99)))
    assert done.returncode == 1
    assert "spec.size: Invalid value: 99: spec.size in body should be less than or equal to 50" in done.stderr


def test_the_python_client_reads_writes_and_watches(
    server: Server, client: kubernetes.client.ApiClient, fresh: Fresh
) -> None:
    name, core = fresh(), kubernetes.client.CoreV1Api(client)
    created = core.create_namespaced_config_map("default", a_config_map(name, {"by": name}, a="1"))
    core.patch_namespaced_config_map(name, "default", {"data": {"b": "2"}})
    assert core.read_namespaced_config_map(name, "default").data == {"a": "1", "b": "2"}
    watch = kubernetes.watch.Watch()
    version = created.metadata.resource_version
    stream = watch.stream(
        core.list_namespaced_config_map, "default", label_selector=f"by={name}", resource_version=version
    )
    assert next(stream)["type"] == "MODIFIED"
    watch.stop()
    stream.close()
    core.delete_namespaced_config_map(name, "default")
    with pytest.raises(kubernetes.client.ApiException) as caught:
        core.read_namespaced_config_map(name, "default")
    assert caught.value.status == 404 and json.loads(caught.value.body)["reason"] == "NotFound"


def test_the_python_client_knows_custom_objects(client: kubernetes.client.ApiClient, pizzas: str, fresh: Fresh) -> None:
    name, custom = fresh(), kubernetes.client.CustomObjectsApi(client)
    place = {"group": "food.example.com", "version": "v1", "namespace": "default", "plural": "pizzas"}
    custom.create_namespaced_custom_object(body=a_pizza(name), **place)
    custom.patch_namespaced_custom_object(name=name, body={"spec": {"size": 5}}, **place)
    assert custom.get_namespaced_custom_object(name=name, **place)["spec"]["size"] == 5
    custom.delete_namespaced_custom_object(name=name, **place)
