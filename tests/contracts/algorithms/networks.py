"""The search space of neural architectures that NAS algorithms are asked with: six operations, parameters of three types."""

from __future__ import annotations

from katib_apis.v1beta1 import api_pb2


def a_parameter(
    name: str, kind: api_pb2.ParameterType.ValueType, space: api_pb2.FeasibleSpace
) -> api_pb2.ParameterSpec:
    return api_pb2.ParameterSpec(name=name, parameter_type=kind, feasible_space=space)


def an_operation(kind: str, *parameters: api_pb2.ParameterSpec) -> api_pb2.Operation:
    specs = api_pb2.Operation.ParameterSpecs(parameters=parameters)
    return api_pb2.Operation(operation_type=kind, parameter_specs=specs)


CONVOLUTION = an_operation(
    "convolution",
    a_parameter("filter_size", api_pb2.CATEGORICAL, api_pb2.FeasibleSpace(list=["3", "5"])),
    a_parameter("num_filter", api_pb2.DISCRETE, api_pb2.FeasibleSpace(list=["32", "64"])),
)
REDUCTION = an_operation(
    "reduction",
    a_parameter("reduction_type", api_pb2.CATEGORICAL, api_pb2.FeasibleSpace(list=["max_pooling", "avg_pooling"])),
    a_parameter("pool_size", api_pb2.INT, api_pb2.FeasibleSpace(min="2", max="3", step="1")),
)


def a_network(*operations: api_pb2.Operation, layers: int = 4) -> api_pb2.NasConfig:
    return api_pb2.NasConfig(
        graph_config=api_pb2.GraphConfig(num_layers=layers, input_sizes=[32, 32, 3], output_sizes=[10]),
        operations=api_pb2.NasConfig.Operations(operation=operations or (CONVOLUTION, REDUCTION)),
    )
