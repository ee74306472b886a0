"""What the benchmarks of the laptop share: an experiment without work, a state directory, the katib command."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KATIB = [sys.executable, "-m", "katib_local"]

EXPERIMENT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: {name}, namespace: default}}
spec:
  objective: {{type: maximize, objectiveMetricName: score}}
  algorithm: {{algorithmName: random}}
  parallelTrialCount: {parallel}
  maxTrialCount: {trials}
  parameters:
    - name: x
      parameterType: double
      feasibleSpace: {{min: "0", max: "1"}}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {{name: x, reference: x}}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: localhost/none:1
                command: [sh, -c, "{command}"]
                resources: {{requests: {{cpu: 1m, memory: 1Mi}}}}
"""


def render_experiment(name: str, command: str, *, trials: int, parallel: int) -> str:
    """An Experiment whose trials run one shell command; it may hold ${trialParameters.x}."""
    return EXPERIMENT.format(name=name, command=command, trials=trials, parallel=parallel)


@contextmanager
def temporary_state() -> Iterator[Path]:
    """A state directory of its own, stopped and removed in the end."""
    with tempfile.TemporaryDirectory(prefix="katib-bench-") as folder:
        state = Path(folder) / "state"
        try:
            yield state
        finally:
            subprocess.run([*KATIB, "down", f"--state-dir={state}"], capture_output=True)


def katib(state: Path, action: str, *rest: str) -> subprocess.CompletedProcess[str]:
    """Run one katib command; raises when it fails."""
    done = subprocess.run([*KATIB, action, f"--state-dir={state}", *rest], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"katib {action} has failed ({done.returncode}): {done.stderr}")
    return done
