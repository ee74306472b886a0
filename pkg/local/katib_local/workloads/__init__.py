"""The laptop's Job and Deployment controllers and its scheduler, over the Kubernetes API.

What a cluster's controller manager and scheduler do, for one node. Must not know how pods run.
"""

from katib_local.workloads.run import run

__all__ = ["run"]
