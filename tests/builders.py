"""Objects that many tests start from."""

from __future__ import annotations

EXPERIMENT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: NAME
  namespace: default
spec:
  objective:
    type: maximize
    objectiveMetricName: score
  algorithm:
    algorithmName: random
  parallelTrialCount: 2
  maxTrialCount: 4
  maxFailedTrialCount: 1
  parameters:
    - name: x
      parameterType: double
      feasibleSpace:
        min: "0"
        max: "1"
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - name: x
        reference: x
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        backoffLimit: 0
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: localhost/none:1
                command: [sh, -c, "COMMAND"]
"""


def an_experiment_file(name: str, command: str, *changes: tuple[str, str]) -> str:
    """YAML of an Experiment whose trials run one shell command, with texts of it replaced."""
    text = EXPERIMENT.replace("NAME", name).replace("COMMAND", command)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text
