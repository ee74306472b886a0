"""The sources keep the rules; the rules know what they cannot import."""

import inspect
from importlib import import_module

import pytest
from datamodel_code_generator.reference import camel_to_snake

from katib_codegen.cel import Checker
from katib_codegen.dialect import PYTHON_TYPES
from katib_codegen.lint import lint
from katib_codegen.model import Api
from katib_codegen.proto import parse_proto
from katib_codegen.rules.costs import LIMIT, Sizes
from katib_codegen.rules.names import METHODS, OBJECT_METHODS
from katib_codegen.rules.nodes import types
from katib_codegen.rules.patterns import pattern_fault
from katib_codegen.rules.values import misfit
from katib_codegen.words import snake
from katib_machinery.model import KatibModel, KatibObject


def test_the_sources_say_all_that_a_reader_needs(api: Api) -> None:
    assert lint(api) == []


def test_python_types_that_schemas_may_name_are_there() -> None:
    for name in PYTHON_TYPES:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name


def test_the_rules_know_every_method_that_a_model_has() -> None:
    """The press does not import the product, so it has its own list."""
    for base, known in ((KatibModel, METHODS), (KatibObject, METHODS | OBJECT_METHODS)):
        assert {name for name in dir(base) if not name.startswith("_")} <= known
    assert not inspect.isabstract(KatibModel)


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("clientQPS", "client_qps"),
        ("enableGRPCProbeInSuggestion", "enable_grpc_probe_in_suggestion"),
        ("min", "min"),
        ("podIPs", "pod_i_ps"),
        ("openAPIV3Schema", "open_apiv3_schema"),
    ],
)
def test_attributes_are_spelt_as_models_spell_them(field: str, attribute: str) -> None:
    assert snake(field) == camel_to_snake(field) == attribute


RULES = [
    "self.parallelTrialCount <= self.maxTrialCount",
    "!has(self.maxTrialCount) || self.maxTrialCount > 0",
    "self.parameters.all(p, p.name != '' && size(p.name) < 64)",
    "self.parameters.map(p, p.name).exists(name, name.startsWith('l'))",
    "self.parameters.filter(p, has(p.feasibleSpace)).size() == size(self.parameters)",
    "self.parameters[0].feasibleSpace.list.exists_one(x, x == 'relu')",
    "self.resumePolicy in ['Never', 'LongRunning']",
    "self.trialTemplate.primaryPodLabels.all(key, key.contains('/'))",
    "self.trialTemplate.primaryPodLabels['a'] == 'b'",
    "has(oldSelf.algorithm) ? self.algorithm == oldSelf.algorithm : true",
    "self.objective.goal >= 0.5 && self.maxTrialCount + 1 > 2",
    "duration('1h') < duration('2h')",
    "self.objective.objectiveMetricName.matches(r'^[a-z]+$')",
]
BROKEN = [
    ("self.parameters.all(p, p.nam != '')", "names nam, which is no field there ('name' comes close); name one"),
    ("self.parameters.all(p.name != '')", "calls all() without a variable and a condition"),
    ("self.parameters.isEmpty()", "calls isEmpty(), which CEL does not have"),
    ("self.maxTrialCount && true", "joins an integer with && or ||; compare it with something"),
    ("self.maxTrialCount ? true : false", "asks an integer as a condition; compare it with something"),
    ("self.trialTemplate.trialSpec.kind == 'Job'", "names kind, which is no field there"),
    ("sizes(self.parameters) > 0", "calls sizes(), which CEL does not have ('size' comes close)"),
    ("self.objective.goal", "is of type number; write one of type boolean"),
    ("'a' == 'a", "does not compile"),
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_kube_apiserver_compiles_is_accepted(api: Api, rule: str) -> None:
    checker = Checker(api, api.definitions["ExperimentSpec"].schema)
    assert checker.check(rule, "boolean") == []
    assert checker.reads_old_self == ("oldSelf" in rule)


@pytest.mark.parametrize(("rule", "fault"), BROKEN)
def test_a_rule_that_kube_apiserver_refuses_is_refused(api: Api, rule: str, fault: str) -> None:
    [found] = Checker(api, api.definitions["ExperimentSpec"].schema).check(rule, "boolean")
    assert found.startswith(fault)


def test_an_old_self_that_may_be_absent_is_asked_for_its_value(api: Api) -> None:
    checker = Checker(api, api.definitions["ExperimentSpec"].schema["properties"]["maxTrialCount"])
    rule = "!oldSelf.hasValue() || self >= oldSelf.value()"
    assert checker.check(rule, "boolean") != []
    checker.old_self_is_optional = True
    assert checker.check(rule, "boolean") == []


COSTS = [
    ("self.parallelTrialCount <= self.maxTrialCount", False),
    ("self.parameters.all(p, p.name.size() < 64)", False),
    ("self.parameters.all(p, p.name.matches('^a'))", True),
    ("self.parameters.all(p, self.parameters.exists(q, q.name == p.name))", True),
    ("self.algorithm.algorithmName == 'random'", False),
    ("self.algorithm.algorithmName.contains(self.objective.objectiveMetricName)", True),
]


@pytest.mark.parametrize(("rule", "dear"), COSTS)
def test_a_rule_costs_what_it_walks_and_reads(api: Api, rule: str, dear: bool) -> None:
    checker = Checker(api, api.definitions["ExperimentSpec"].schema)
    assert checker.check(rule, "boolean") == []
    assert (checker.cost > LIMIT) == dear, checker.cost


def test_a_rule_below_lists_runs_once_per_item_and_one_of_no_kind_never(api: Api) -> None:
    sizes = Sizes(api)
    runs = {node.place: sizes.runs(node) for node in types(api)}
    assert runs["Experiment"] == runs["ExperimentSpec"] == 1
    assert runs["ParameterSpec"] > 100_000, "nothing bounds the list of parameters"
    assert runs["KatibConfig"] == 0, "no API server holds it"


def test_a_rule_at_the_top_sees_of_metadata_only_the_name(api: Api) -> None:
    checker = Checker(api, api.definitions["Trial"].schema)
    assert checker.check("self.metadata.name.size() < 40", "boolean") == []
    assert checker.check("self.metadata.labels.size() < 40", "boolean") != []


def test_the_proto_reader_finds_what_protoc_finds(api: Api) -> None:
    from katib_apis.v1beta1 import api_pb2

    blocks = {block.name: block for block in parse_proto(api.sources.proto)}
    for name, message in api_pb2.DESCRIPTOR.message_types_by_name.items():
        found = {member.name: member.number for member in blocks[name].members}
        assert found == {field.name: field.number for field in message.fields}
    for name, enum in api_pb2.DESCRIPTOR.enum_types_by_name.items():
        assert {member.name: member.number for member in blocks[name].members} == dict(enum.values_by_name) | {
            value.name: value.number for value in enum.values
        }
    for name, service in api_pb2.DESCRIPTOR.services_by_name.items():
        assert [member.name for member in blocks[name].members] == [method.name for method in service.methods]
    assert blocks["GetSuggestionsRequest"].reserved == [(3, 3)]


@pytest.mark.parametrize(
    "pattern", ["^[a-z]([-a-z0-9]*[a-z0-9])?$", r"^(?:[0-9]+|[+-]?\.[0-9]+)$", r"^[^\]\\{}]*$", r"\{,3\}", "a{1,1000}"]
)
def test_a_pattern_that_all_readers_take_is_accepted(pattern: str) -> None:
    assert pattern_fault(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "cure"),
    [
        ("^[01.5]{,3}$", r"write {0,n} with both numbers, or \{ for the brace itself"),
        ("a{x}", r"write {0,n} with both numbers, or \{ for the brace itself"),
        (r"^\d+$", "write [0-9]"),
        (r"[\w.]", "write [A-Za-z0-9_]"),
        (r"^\s*$", r"write [ \t]"),
        (r"\Aa", "write the characters that it stands for"),
        ("(?i)a", "write ( or (?:"),
        ("(?P<x>a)", "write ( or (?:"),
        ("[]a]", r"write \] for the bracket itself"),
        ("[[:alpha:]]", "escape what stands for itself"),
    ],
)
def test_a_pattern_that_readers_take_for_two_things_is_refused_with_the_cure(pattern: str, cure: str) -> None:
    assert pattern_fault(pattern).startswith("in which ") and pattern_fault(pattern).endswith(f"; {cure}")


def test_a_rule_that_editors_alone_read_may_speak_of_white_space() -> None:
    assert pattern_fault(r"^\s*$", spaces=True) == "" != pattern_fault(r"^\d*$", spaces=True)


@pytest.mark.parametrize(("value", "good"), [("a", True), ("a\n", False), ("b", False)])
def test_a_value_matches_a_pattern_where_kube_apiserver_says_so(api: Api, value: str, good: bool) -> None:
    """Python's $ stands before a last line end too."""
    assert (misfit(api, {"type": "string", "pattern": "^a$"}, value) == "") == good


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a(",
        "(?=a)",
        "(?!a)",
        "(?<=a)b",
        "(?<!a)b",
        r"(a)\1",
        "(?P<x>a)(?P=x)",
        "a++",
        "(?>a)",
        r"a\Z",
        "a{1001}",
        "a{99999999999}",
    ],
)
def test_a_pattern_that_a_reader_refuses_is_refused(pattern: str) -> None:
    assert pattern_fault(pattern).startswith("which ")


@pytest.mark.parametrize(
    ("value", "good"), [("90s", True), ("1h30m", True), ("90", False), ("P1D", False), ("90s\n", False)]
)
def test_a_duration_is_written_as_kubernetes_takes_it(api: Api, value: str, good: bool) -> None:
    assert (misfit(api, {"type": "string", "format": "duration"}, value) == "") == good
