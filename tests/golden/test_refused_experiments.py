"""Every row of webhooks.md §4.1 that refuses an Experiment, with the message that its author reads.

The messages stand in `refused_experiments.txt`. `python tests/golden/test_refused_experiments.py` writes that file anew;
its diff is reviewed like code.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from katib_apis.v1beta1.models import Experiment, KatibConfig
from katib_domain.defaults import default_experiment
from katib_domain.validation import Surroundings, TemplateText, render_errors, validate_experiment

GOLDEN = Path(__file__).with_name("refused_experiments.txt")
Json = dict[str, Any]
CONFIG = KatibConfig.from_dict(
    {
        "runtime": {
            "suggestions": [
                {"algorithmName": name, "image": "i:1"} for name in ("random", "grid", "tpe", "enas", "nsgaii")
            ],
            "earlyStoppings": [{"algorithmName": "medianstop", "image": "i:1"}],
            "metricsCollectors": [{"kind": kind, "image": "i:1"} for kind in ("StdOut", "File", "PrometheusMetric")],
        }
    }
)
CONTAINER = {"name": "main", "image": "i:1", "command": ["train", "--rate=${trialParameters.rate}"]}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}},
}
BASE: Json = {
    "apiVersion": "kubeflow.org/v1beta1",
    "kind": "Experiment",
    "metadata": {"name": "digits", "namespace": "default"},
    "spec": {
        "objective": {"type": "maximize", "objectiveMetricName": "accuracy"},
        "algorithm": {"algorithmName": "random"},
        "parallelTrialCount": 2,
        "maxTrialCount": 10,
        "maxFailedTrialCount": 3,
        "parameters": [
            {"name": "rate", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "0.9"}},
        ],
        "trialTemplate": {
            "primaryContainerName": "main",
            "trialParameters": [{"name": "rate", "reference": "rate"}],
            "trialSpec": JOB,
        },
    },
}
GONE = object()


def changed(base: Json, **changes: Any) -> Json:
    """A copy with values at paths, dots as `__`; a number is a place in a list, `GONE` removes."""
    result = copy.deepcopy(base)
    for path, value in changes.items():
        *parents, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        place: Any = result
        for step in parents:
            place = place[step] if isinstance(step, int) else place.setdefault(step, {})
        if value is GONE:
            del place[last]
        else:
            place[last] = value
    return result


COMMAND = "spec__trialTemplate__trialSpec__spec__template__spec__containers__0__command"
VARIABLES = "spec__trialTemplate__trialSpec__spec__template__spec__containers__0__env"
TEMPLATE = "spec__trialTemplate"
SPACE = "spec__parameters__0__feasibleSpace"
COLLECTOR = "spec__metricsCollectorSpec"
FILE_SOURCE = {"fileSystemPath": {"kind": "File", "path": "/var/log/m", "format": "TEXT"}}
OWN_COLLECTOR = {"collector": {"kind": "Custom", "customCollector": {"name": "mine", "image": "i:1"}}}
STOPPING, MEDIAN = "spec__earlyStopping", {"algorithmName": "medianstop"}
SHORT = {"min": "1", "max": "3"}


def a_collector(kind: str, source: Json | None = None) -> Json:
    return {"collector": {"kind": kind}, **({"source": source} if source else {})}


def filtered(*expressions: str) -> Json:
    return a_collector("StdOut", {"filter": {"metricsFormat": list(expressions)}})


CASES: dict[str, Json] = {
    "1 name (WH-3)": {"metadata__name": "my.exp"},
    "1 name ends with a dash (WH-3)": {"metadata__name": "digits-"},
    "1 name of 41": {"metadata__name": "a" * 41},
    "2 negative failures": {"spec__maxFailedTrialCount": -1},
    "3 no trials": {"spec__maxTrialCount": 0},
    "3 more trials than a count can hold": {"spec__maxTrialCount": 2**31},
    "4 none at once": {"spec__parallelTrialCount": 0},
    "5 more failures than trials": {"spec__maxFailedTrialCount": 11},
    "6 more at once than in all": {"spec__parallelTrialCount": 11},
    "10 no objective": {"spec__objective": GONE},
    "11 a wrong direction": {"spec__objective__type": "up"},
    "12 no metric": {"spec__objective__objectiveMetricName": ""},
    "13 the metric again": {"spec__objective__additionalMetricNames": ["loss", "accuracy"]},
    "WH-2, ES-12 a metric with a semicolon": {"spec__objective__objectiveMetricName": "a;b"},
    "14 no algorithm": {"spec__algorithm": GONE},
    "15 no name of an algorithm": {"spec__algorithm__algorithmName": ""},
    "16 an unknown algorithm": {"spec__algorithm__algorithmName": "randm"},
    "a setting twice": {
        "spec__algorithm__algorithmSettings": [{"name": "seed", "value": "1"}, {"name": "seed", "value": "2"}]
    },
    "17 early stopping without a name": {"spec__earlyStopping": {"algorithmName": ""}},
    "18 unknown early stopping": {"spec__earlyStopping": {"algorithmName": "never"}},
    "19 a wrong policy": {"spec__resumePolicy": "Sometimes"},
    "D-37a checkpoints without their volume": {
        "spec__algorithm__algorithmSettings": [{"name": "suggestion_trial_dir", "value": "/ckpt"}],
        "spec__resumePolicy": "LongRunning",
    },
    "20 no template": {TEMPLATE: GONE},
    "21 no container name": {f"{TEMPLATE}__primaryContainerName": ""},
    "22 no condition": {f"{TEMPLATE}__trialSpec__kind": "Pizza", f"{TEMPLATE}__trialSpec__apiVersion": "pizza.io/v1"},
    "23 no trial parameters": {f"{TEMPLATE}__trialParameters": GONE},
    "24 no source": {f"{TEMPLATE}__trialSpec": GONE},
    "25 two sources": {
        f"{TEMPLATE}__configMap": {"configMapName": "a", "configMapNamespace": "b", "templatePath": "c"}
    },
    "26 half a ConfigMap": {f"{TEMPLATE}__trialSpec": GONE, f"{TEMPLATE}__configMap": {"configMapName": "a"}},
    "28 an empty reference": {f"{TEMPLATE}__trialParameters": [{"name": "rate", "reference": ""}]},
    "29 a name twice": {f"{TEMPLATE}__trialParameters": [{"name": "rate", "reference": "rate"}] * 2},
    "30 a reference twice": {
        f"{TEMPLATE}__trialParameters": [{"name": "rate", "reference": "rate"}, {"name": "r", "reference": "rate"}]
    },
    "31 a reference to nothing": {f"{TEMPLATE}__trialParameters": [{"name": "rate", "reference": "speed"}]},
    "32 a parameter without a placeholder": {COMMAND: ["train"]},
    "32 a misspelt placeholder": {COMMAND: ["train", "${trialParameters.rat}"]},
    "33 a placeholder without a parameter": {COMMAND: ["train", "${trialParameters.rate}", "${trialParameters.speed}"]},
    "a parameter that no trial parameter refers to": {
        "spec__parameters": [
            *BASE["spec"]["parameters"],
            {"name": "width", "parameterType": "int", "feasibleSpace": SHORT},
        ]
    },
    "35 a name in the template": {f"{TEMPLATE}__trialSpec__metadata": {"name": "mine"}},
    "36 no kind": {
        f"{TEMPLATE}__trialSpec__kind": "",
        f"{TEMPLATE}__successCondition": "a",
        f"{TEMPLATE}__failureCondition": "b",
    },
    "37 a Job with an unknown field": {f"{TEMPLATE}__trialSpec__spec__retries": 3},
    "37 a Job with a wrong type": {f"{TEMPLATE}__trialSpec__spec__backoffLimit": "many"},
    "37 a Job with a number in quotes": {f"{TEMPLATE}__trialSpec__spec__backoffLimit": "0"},
    "37 a command with a number": {COMMAND: ["train", "--rate=${trialParameters.rate}", 3]},
    "37 a command that is one text": {COMMAND: "train --rate=${trialParameters.rate}"},
    "37 a variable that is no text": {VARIABLES: [{"name": "SEED", "value": 1}, {"name": "DEBUG", "value": True}]},
    "WH-8, CTL-10 a primary container that is not there": {f"{TEMPLATE}__primaryContainerName": "training"},
    "38 no parameters": {"spec__parameters": GONE},
    "39 parameters and layers": {"spec__nasConfig": {"graphConfig": {"numLayers": 1}}},
    "40 a wrong type": {"spec__parameters__0__parameterType": "float"},
    "41 a wrong distribution": {f"{SPACE}__distribution": "zipf"},
    "42 an empty space": {SPACE: {}},
    "43 a double with a list": {f"{SPACE}__list": ["1"]},
    "44 no max": {f"{SPACE}__max": GONE},
    "45 a list with bounds": {"spec__parameters__0__parameterType": "categorical"},
    "WH-4 min above max": {f"{SPACE}__min": "2"},
    "WH-4 no number": {f"{SPACE}__min": "low"},
    "WH-4 infinite": {f"{SPACE}__max": "inf"},
    "WH-4 step 0": {f"{SPACE}__step": "0"},
    "WH-4 half an int": {
        "spec__parameters__0": {"name": "rate", "parameterType": "int", "feasibleSpace": {"min": "0.5", "max": "3"}}
    },
    "WH-4 architectures of parameters": {"spec__algorithm__algorithmName": "enas"},
    "WH-4 compromises of one metric": {"spec__algorithm__algorithmName": "nsgaii"},
    "WH-4 logarithm of zero": {f"{SPACE}__min": "0", f"{SPACE}__distribution": "logUniform"},
    "WH-4 an empty list": {
        "spec__parameters__0": {"name": "rate", "parameterType": "categorical", "feasibleSpace": {"list": []}}
    },
    "WH-4 an entry twice": {
        "spec__parameters__0": {"name": "rate", "parameterType": "discrete", "feasibleSpace": {"list": ["1", "1"]}}
    },
    "WH-4 a parameter twice": {
        "spec__parameters": [{"name": "rate", "parameterType": "int", "feasibleSpace": SHORT}] * 2
    },
    "46 a kind that is not configured": {COLLECTOR: a_collector("TensorFlowEvent")},
    "47 a path that is not absolute": {
        COLLECTOR: a_collector("File", {"fileSystemPath": {"kind": "File", "path": "m.log", "format": "TEXT"}})
    },
    "48 a wrong format": {
        COLLECTOR: a_collector("File", {"fileSystemPath": {"kind": "File", "path": "/m.log", "format": "CSV"}})
    },
    "49 JSON with a filter": {
        COLLECTOR: a_collector(
            "File",
            {
                "fileSystemPath": {"kind": "File", "path": "/m", "format": "JSON"},
                "filter": {"metricsFormat": ["(a)=(b)"]},
            },
        )
    },
    "52 a port of zero": {COLLECTOR: a_collector("PrometheusMetric", {"httpGet": {"port": -1, "path": "/m"}})},
    "53 a path without a slash": {COLLECTOR: a_collector("PrometheusMetric", {"httpGet": {"port": 80, "path": "m"}})},
    "54 no collector of one's own": {COLLECTOR: a_collector("Custom")},
    "56 an unknown kind": {COLLECTOR: a_collector("Guess")},
    "57 no expression (WH-16)": {COLLECTOR: filtered("(a(=(b)")},
    "57 a look-ahead (WH-16)": {COLLECTOR: filtered("(?=a)(b)(c)")},
    "58 one group": {COLLECTOR: filtered("accuracy=(.*)")},
    "58 escaped parentheses (WH-16)": {COLLECTOR: filtered(r"\(a\)\(b\)")},
    "WH-13 early stopping of what is pushed": {COLLECTOR: a_collector("Push"), STOPPING: MEDIAN},
    "WH-13 early stopping of what is served": {COLLECTOR: a_collector("PrometheusMetric"), STOPPING: MEDIAN},
    "WH-13 early stopping with a collector of one's own": {COLLECTOR: OWN_COLLECTOR, STOPPING: MEDIAN},
    "several at once": {"metadata__name": "A", "spec__parallelTrialCount": 0, "spec__resumePolicy": "Sometimes"},
}
PAST_DEFAULTS: dict[str, Json] = {
    "WH-12, 47 and 48 File without a source": a_collector("File"),
    "WH-12, 47 and 48 File with half a source": a_collector("File", {"fileSystemPath": {}}),
    "WH-12, 46 and 50 TensorFlowEvent without a source": a_collector("TensorFlowEvent"),
    "WH-12, 52 PrometheusMetric without a source": a_collector("PrometheusMetric"),
    "WH-12, 54 Custom without anything": a_collector("Custom"),
}
"""Collectors that came past admission's defaults, as an Experiment from a backup may have them."""
UPDATES: dict[str, tuple[Json, Json]] = {
    "7 a finished Experiment": (
        {"status": {"conditions": [{"type": "Succeeded", "status": "True", "reason": "ExperimentMaxTrialsReached"}]}},
        {"spec__maxTrialCount": 20},
    ),
    "8 fewer trials than there are (WH-5)": ({"status": {"trials": 5}}, {"spec__maxTrialCount": 5}),
    "9 another algorithm": ({}, {"spec__algorithm__algorithmName": "grid"}),
}
ACCEPTED: dict[str, tuple[Json, Json]] = {
    "WH-5 fewer at once, with all trials made": ({"status": {"trials": 10}}, {"spec__parallelTrialCount": 1}),
    "WH-5 more failures": ({"status": {"trials": 10}}, {"spec__maxFailedTrialCount": 9}),
    "WH-6 only metadata": ({}, {"metadata__labels": {"team": "vision"}}),
    "more trials": ({"status": {"trials": 5}}, {"spec__maxTrialCount": 20}),
    "7 a finished Experiment that can go on": (
        {
            "spec__resumePolicy": "LongRunning",
            "status": {"conditions": [{"type": "Succeeded", "status": "True", "reason": "ExperimentMaxTrialsReached"}]},
        },
        {"spec__maxTrialCount": 20},
    ),
}


def refusal(document: Json, old: Json | None = None, template: TemplateText | None = None) -> str:
    """What the webhook says; empty when it admits."""
    before = None if old is None else Experiment.from_dict(default_experiment(old))
    return refusal_past_defaults(default_experiment(document), before, template)


def refusal_past_defaults(document: Json, old: Experiment | None = None, template: TemplateText | None = None) -> str:
    """The same of an Experiment as it is."""
    around = Surroundings(CONFIG, template or TemplateText())
    errors = validate_experiment(Experiment.from_dict(document), old, around)
    return render_errors(errors) if errors else ""


def messages() -> str:
    """All cases with their messages, as the golden file has them."""
    found = {name: refusal(changed(BASE, **changes)) for name, changes in CASES.items()}
    for name, collector in PAST_DEFAULTS.items():
        found[name] = refusal_past_defaults(changed(default_experiment(BASE), **{COLLECTOR: collector}))
    no_text = TemplateText(problem="ConfigMap a is not in namespace b: create it first")
    from_config_map = {"configMapName": "a", "configMapNamespace": "b", "templatePath": "c"}
    document = changed(BASE, **{f"{TEMPLATE}__trialSpec": GONE, f"{TEMPLATE}__configMap": from_config_map})
    conditions = {f"{TEMPLATE}__successCondition": "a", f"{TEMPLATE}__failureCondition": "b"}
    found["27 a ConfigMap that is not there"] = refusal(changed(document, **conditions), template=no_text)
    torn = TemplateText("kind: [Job ${trialParameters.rate}")
    found["34 a template that is no YAML"] = refusal(changed(document, **conditions), template=torn)
    for name, (before, changes) in UPDATES.items():
        old = changed(BASE, **before)
        found[name] = refusal(changed(old, **changes), old)
    return "".join(f"{name}\n    {text}\n" for name, text in found.items())


def test_every_refusal_reads_as_agreed() -> None:
    assert messages() == GOLDEN.read_text(), f"read the difference; to agree to it: python {Path(__file__).name}"


def test_every_case_is_refused() -> None:
    assert "\n    \n" not in messages()


def test_the_example_that_all_cases_change_is_accepted() -> None:
    assert refusal(BASE) == ""


def test_a_collector_that_is_left_out_stands_for_the_log() -> None:
    """WH-12."""
    for collector in ({}, {"collector": {}}, GONE):
        assert refusal_past_defaults(changed(default_experiment(BASE), **{COLLECTOR: collector})) == ""


def test_early_stopping_goes_with_the_collectors_that_compare_values() -> None:
    """WH-13, ES-08."""
    for kind in ("StdOut", "File", "TensorFlowEvent"):
        assert "early stopping" not in refusal(changed(BASE, **{COLLECTOR: a_collector(kind), STOPPING: MEDIAN}))
    assert refusal(changed(BASE, **{STOPPING: MEDIAN})) == ""


def test_what_may_be_changed_is_accepted() -> None:
    for name, (before, changes) in ACCEPTED.items():
        old = changed(BASE, **before)
        assert refusal(changed(old, **changes), old) == "", name


if __name__ == "__main__":
    GOLDEN.write_text(messages())
