"""What a cluster's controller manager and scheduler do, for the laptop's one node: Jobs, Deployments, ReplicaSets, binding.

Speaks only the Kubernetes API. Must not know how pods run. Entry: `katib_local.workloads.run.run(transport, node_name)`.
"""

from katib_local.workloads.run import run

__all__ = ["run"]
