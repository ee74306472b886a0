"""Which field of a model belongs to which field of a message, and what is said when one belongs to none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from katib_codegen.errors import SourceError
from katib_codegen.load import load
from katib_codegen.model import Api, bundle
from katib_codegen.render import Files
from katib_codegen.render.converters import render_converters
from katib_codegen.render.grpc_reference import render_grpc_reference
from katib_codegen.render.protobuf import render_protobuf

Change = Callable[[str, str, str], None]
PATH = "pkg/apis/katib_apis/v1beta1/converters.py"


def test_each_way_of_a_field_is_printed(api: Api) -> None:
    printed = render_converters(api)[PATH].decode()
    for line in (
        "        message.max = model.max\n",
        '        fields["list"] = list(message.list)\n',
        "        message.goal, message.goal_set = model.goal, True\n",
        "    message.parameter_specs.parameters.extend(to_parameter_spec(item) for item in model.parameters or ())\n",
        "        message.objective.CopyFrom(to_objective_spec(model.objective))\n",
        '        fields["labels"] = dict(sorted(message.labels.items()))\n',
        '    "logUniform": api_pb2.LOG_UNIFORM,\n',
    ):
        assert line in printed


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        (
            "experiment.yaml",
            "x-katib-message: GraphConfig",
            "x-katib-message: Graph",
            r"experiment.yaml: GraphConfig names the message Graph, which api.proto does not define",
        ),
        (
            "experiment.yaml",
            "        x-katib-message-field: parameter_specs\n",
            "",
            r"Operation has no field for Operation.parameter_specs; add one, or write x-katib-message-field",
        ),
        (
            "api.proto",
            "  int32 num_layers = 1;",
            "  FeasibleSpace num_layers = 1;",
            r"GraphConfig.numLayers and api.proto's num_layers are of different make",
        ),
    ],
)
def test_a_field_that_belongs_to_none_is_named(
    workspace: Path, change: Change, file: str, old: str, new: str, fault: str
) -> None:
    change(file, old, new)
    with pytest.raises(SourceError, match=fault):
        render_converters(bundle(load(workspace)))


@pytest.mark.parametrize("render", [render_protobuf, render_converters, render_grpc_reference])
def test_every_product_of_a_wrong_proto_file_tells_its_line(
    workspace: Path, change: Change, render: Callable[[Api], Files]
) -> None:
    change(
        "api.proto", "  string name = 1;\n  ExperimentSpec spec = 2;", "  string name = 1\n  ExperimentSpec spec = 2;"
    )
    with pytest.raises(SourceError, match=r'^apis/v1beta1/api\.proto:\d+: protoc: Expected ";"'):
        render(bundle(load(workspace)))
