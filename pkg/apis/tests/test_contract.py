"""The gRPC contract, number by number: old peers read what we write."""

import subprocess
import sys

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc

PACKAGE = "api.v1.beta1"

# Message: number, field, type; `*` is repeated. Numbers from 100 on are ours.
MESSAGES = """
Experiment: 1 name string, 2 spec ExperimentSpec, 100 namespace string
ExperimentSpec: 1 parameter_specs ExperimentSpec.ParameterSpecs, 2 objective ObjectiveSpec, 3 algorithm AlgorithmSpec, 4 early_stopping EarlyStoppingSpec, 5 parallel_trial_count int32, 6 max_trial_count int32, 7 nas_config NasConfig
ExperimentSpec.ParameterSpecs: 1 parameters *ParameterSpec
ParameterSpec: 1 name string, 2 parameter_type ParameterType, 3 feasible_space FeasibleSpace
FeasibleSpace: 1 max string, 2 min string, 3 list *string, 4 step string, 5 distribution Distribution
ObjectiveSpec: 1 type ObjectiveType, 2 goal double, 3 objective_metric_name string, 4 additional_metric_names *string, 100 goal_set bool, 101 metric_strategies *MetricStrategy
MetricStrategy: 1 name string, 2 value string
AlgorithmSpec: 1 algorithm_name string, 2 algorithm_settings *AlgorithmSetting
AlgorithmSetting: 1 name string, 2 value string
EarlyStoppingSpec: 1 algorithm_name string, 2 algorithm_settings *EarlyStoppingSetting
EarlyStoppingSetting: 1 name string, 2 value string
NasConfig: 1 graph_config GraphConfig, 2 operations NasConfig.Operations
NasConfig.Operations: 1 operation *Operation
GraphConfig: 1 num_layers int32, 2 input_sizes *int32, 3 output_sizes *int32
Operation: 1 operation_type string, 2 parameter_specs Operation.ParameterSpecs
Operation.ParameterSpecs: 1 parameters *ParameterSpec
Trial: 1 name string, 2 spec TrialSpec, 3 status TrialStatus, 100 namespace string
TrialSpec: 2 objective ObjectiveSpec, 3 parameter_assignments TrialSpec.ParameterAssignments, 4 labels *TrialSpec.LabelsEntry
TrialSpec.ParameterAssignments: 1 assignments *ParameterAssignment
TrialSpec.LabelsEntry: 1 key string, 2 value string
ParameterAssignment: 1 name string, 2 value string
TrialStatus: 1 start_time string, 2 completion_time string, 3 condition TrialStatus.TrialConditionType, 4 observation Observation
Observation: 1 metrics *Metric
Metric: 1 name string, 2 value string
ReportObservationLogRequest: 1 trial_name string, 2 observation_log ObservationLog, 100 namespace string
ReportObservationLogReply:
ObservationLog: 1 metric_logs *MetricLog
MetricLog: 1 time_stamp string, 2 metric Metric
GetObservationLogRequest: 1 trial_name string, 2 metric_name string, 3 start_time string, 4 end_time string, 100 namespace string, 101 limit int32, 102 page_token string
GetObservationLogReply: 1 observation_log ObservationLog, 100 next_page_token string
DeleteObservationLogRequest: 1 trial_name string, 100 namespace string
DeleteObservationLogReply:
GetSuggestionsRequest: 1 experiment Experiment, 2 trials *Trial, 4 current_request_number int32, 5 total_request_number int32, 100 given_assignments *TrialSpec.ParameterAssignments, 101 earlier_trials *Trial
GetSuggestionsReply: 1 parameter_assignments *GetSuggestionsReply.ParameterAssignments, 2 algorithm AlgorithmSpec, 3 early_stopping_rules *EarlyStoppingRule
GetSuggestionsReply.ParameterAssignments: 1 assignments *ParameterAssignment, 2 trial_name string, 3 labels *GetSuggestionsReply.ParameterAssignments.LabelsEntry
GetSuggestionsReply.ParameterAssignments.LabelsEntry: 1 key string, 2 value string
ValidateAlgorithmSettingsRequest: 1 experiment Experiment
ValidateAlgorithmSettingsReply:
GetEarlyStoppingRulesRequest: 1 experiment Experiment, 2 trials *Trial, 3 db_manager_address string
GetEarlyStoppingRulesReply: 1 early_stopping_rules *EarlyStoppingRule, 100 running_trials *TrialRules
TrialRules: 1 trial_name string, 2 early_stopping_rules *EarlyStoppingRule
EarlyStoppingRule: 1 name string, 2 value string, 3 comparison ComparisonType, 4 start_step int32
ValidateEarlyStoppingSettingsRequest: 1 early_stopping EarlyStoppingSpec
ValidateEarlyStoppingSettingsReply:
SetTrialStatusRequest: 1 trial_name string, 100 namespace string
SetTrialStatusReply:
"""
ENUMS = """
ParameterType: UNKNOWN_TYPE DOUBLE INT DISCRETE CATEGORICAL
Distribution: DISTRIBUTION_UNSPECIFIED UNIFORM LOG_UNIFORM NORMAL LOG_NORMAL
ObjectiveType: UNKNOWN MINIMIZE MAXIMIZE
ComparisonType: UNKNOWN_COMPARISON EQUAL LESS GREATER
TrialStatus.TrialConditionType: CREATED RUNNING SUCCEEDED KILLED FAILED METRICSUNAVAILABLE EARLYSTOPPED UNKNOWN
"""
SERVICES = """
DBManager: ReportObservationLog GetObservationLog DeleteObservationLog
Suggestion: GetSuggestions ValidateAlgorithmSettings
EarlyStopping: GetEarlyStoppingRules SetTrialStatus ValidateEarlyStoppingSettings
"""


def rows(table: str) -> dict[str, str]:
    return {name: rest.strip() for name, _, rest in (line.partition(":") for line in table.strip().splitlines())}


def spell(field: FieldDescriptor) -> str:
    scalars = {
        FieldDescriptor.TYPE_STRING: "string",
        FieldDescriptor.TYPE_INT32: "int32",
        FieldDescriptor.TYPE_DOUBLE: "double",
        FieldDescriptor.TYPE_BOOL: "bool",
    }
    target = field.message_type or field.enum_type
    name = target.full_name.removeprefix(f"{PACKAGE}.") if target else scalars[field.type]
    return f"{field.number} {field.name} {'*' if field.is_repeated else ''}{name}"


def messages(descriptor: Descriptor) -> dict[str, str]:
    name = descriptor.full_name.removeprefix(f"{PACKAGE}.")
    found = {name: ", ".join(spell(field) for field in sorted(descriptor.fields, key=lambda field: field.number))}
    for nested in descriptor.nested_types:
        found |= messages(nested)
    return found


def test_every_message_has_exactly_its_fields_and_numbers() -> None:
    found: dict[str, str] = {}
    for descriptor in api_pb2.DESCRIPTOR.message_types_by_name.values():
        found |= messages(descriptor)
    assert found == rows(MESSAGES)


@pytest.mark.parametrize(("name", "values"), rows(ENUMS).items())
def test_every_enumeration_has_exactly_its_values(name: str, values: str) -> None:
    parent, _, leaf = name.rpartition(".")
    owner = api_pb2.DESCRIPTOR.message_types_by_name[parent] if parent else api_pb2.DESCRIPTOR
    descriptor = owner.enum_types_by_name[leaf]
    assert [(value.name, value.number) for value in descriptor.values] == [
        (value, number) for number, value in enumerate(values.split())
    ]


def test_services_and_methods_have_their_names() -> None:
    services = api_pb2.DESCRIPTOR.services_by_name
    assert {name: " ".join(method.name for method in service.methods) for name, service in services.items()} == rows(
        SERVICES
    )
    assert {service.full_name for service in services.values()} == {f"{PACKAGE}.{name}" for name in rows(SERVICES)}
    assert {f"{name}Stub" for name in rows(SERVICES)} <= set(vars(api_pb2_grpc))


def test_the_descriptor_is_called_api_proto() -> None:
    """Another distribution with the same messages can then live in the same process."""
    assert (api_pb2.DESCRIPTOR.name, api_pb2.DESCRIPTOR.package) == ("api.proto", PACKAGE)


def test_the_same_bytes_may_be_registered_twice() -> None:
    script = (
        "from google.protobuf import descriptor_pool\n"
        "from katib_apis.v1beta1 import api_pb2\n"
        "descriptor_pool.Default().AddSerializedFile(api_pb2.DESCRIPTOR.serialized_pb)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_older_peer_is_understood() -> None:
    """Field 3 of the request was dropped long ago; a message with it and without ours is read."""
    older = api_pb2.GetSuggestionsRequest(current_request_number=2).SerializeToString() + b"\x18\x05"
    request = api_pb2.GetSuggestionsRequest.FromString(older)
    assert (request.current_request_number, request.experiment.namespace) == (2, "")
    assert not api_pb2.ObjectiveSpec(goal=0.0).goal_set
