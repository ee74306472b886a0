"""How each program of a control plane is called. Pure: from files and ports to words of a command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from controlplane.credentials import Credentials

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """Loopback ports: etcd's for clients and for other etcds (there are none), and the API server's."""

    etcd: int
    etcd_peers: int
    api: int


def etcd(folder: Path, files: Credentials, ports: Ports) -> list[str]:
    """A store that is not made to survive the machine: it never waits for the disk."""
    pair = files.pair("etcd")
    client, peers = (f"https://{LOOPBACK}:{port}" for port in (ports.etcd, ports.etcd_peers))
    return [
        "--name=default",
        f"--data-dir={folder}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--cert-file={pair.certificate}",
        f"--key-file={pair.key}",
        "--client-cert-auth",
        f"--trusted-ca-file={files.ca}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        f"--peer-cert-file={pair.certificate}",
        f"--peer-key-file={pair.key}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={files.ca}",
    ]


def api_server(files: Credentials, ports: Ports) -> list[str]:
    """What kubeadm would set for one machine, and nobody anonymous."""
    own, etcd_client, kubelet_client = (
        files.pair(name) for name in ("kube-apiserver", "etcd-client", "kubelet-client")
    )
    return [
        f"--etcd-servers=https://{LOOPBACK}:{ports.etcd}",
        f"--etcd-cafile={files.ca}",
        f"--etcd-certfile={etcd_client.certificate}",
        f"--etcd-keyfile={etcd_client.key}",
        f"--secure-port={ports.api}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",  # a loopback address cannot be an endpoint
        f"--tls-cert-file={own.certificate}",
        f"--tls-private-key-file={own.key}",
        f"--client-ca-file={files.ca}",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={files.service_accounts}",
        f"--service-account-key-file={files.service_accounts}",
        f"--kubelet-certificate-authority={files.ca}",
        f"--kubelet-client-certificate={kubelet_client.certificate}",
        f"--kubelet-client-key={kubelet_client.key}",
        "--kubelet-preferred-address-types=InternalIP",  # no name of a node means anything here
        "--profiling=false",
    ]


def controller_manager(kubeconfig: Path, files: Credentials) -> list[str]:
    """Every controller that is on by default but one, each as the service account that has its roles; no limit of its calls.

    Pods are not collected: cases bind theirs to nodes that are not there, and each 20 s they would be deleted.
    """
    return [
        *_client(kubeconfig),
        "--controllers=*,-pod-garbage-collector-controller",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={files.service_accounts}",
        f"--root-ca-file={files.ca}",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def scheduler(kubeconfig: Path) -> list[str]:
    return [*_client(kubeconfig), "--kube-api-qps=500", "--kube-api-burst=1000"]


def _client(kubeconfig: Path) -> list[str]:
    """One of its kind, which nobody calls."""
    names = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [*(f"--{name}={kubeconfig}" for name in names), "--leader-elect=false", "--secure-port=0"]
