"""Rows 46 to 58 of webhooks.md §4.1 with WH-12, WH-13, WH-16: how metrics are collected. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import CollectorKind, FileFormat, FileSystemKind
from katib_apis.v1beta1.models import (
    ExperimentSpec,
    FileSystemPath,
    KatibConfig,
    MetricsCollectorSpec,
    SourceSpec,
)
from katib_domain.katib_config import CONFIGURED_KINDS, KatibConfigError, metrics_collector_config
from katib_domain.regex import RegexError, capture_groups
from katib_domain.validation.errors import FieldError, invalid, required

BASE = "spec.metricsCollectorSpec"
STOPPABLE = (CollectorKind.STD_OUT, CollectorKind.FILE, CollectorKind.TENSOR_FLOW_EVENT)


def collector_errors(spec: ExperimentSpec, config: KatibConfig) -> Iterator[FieldError]:
    """Every error of the collector; an absent one stands for StdOut."""
    collector = spec.metrics_collector_spec or MetricsCollectorSpec()
    kind = (collector.collector.kind if collector.collector else None) or CollectorKind(defaults.COLLECTOR_SPEC_KIND)
    source = collector.source or SourceSpec()
    path = f"{BASE}.collector.kind"
    if not kind.known:
        yield invalid(path, kind, f"must be one of {', '.join(CollectorKind)}")
        return
    if kind in CONFIGURED_KINDS:
        try:
            metrics_collector_config(config, kind)
        except KatibConfigError as error:
            yield invalid(path, kind, str(error))
    if spec.early_stopping is not None and kind not in STOPPABLE:
        yield invalid(
            path,
            kind,
            f"early stopping works with {', '.join(STOPPABLE)} only: choose one of them, or remove earlyStopping",
        )
    yield from _source_errors(kind, collector, source)
    yield from _filter_errors(source)


def _source_errors(kind: CollectorKind, collector: MetricsCollectorSpec, source: SourceSpec) -> Iterator[FieldError]:
    place = source.file_system_path or FileSystemPath()
    match kind:
        case CollectorKind.FILE:
            yield from _file_errors(source, place)
        case CollectorKind.TENSOR_FLOW_EVENT:
            if place.kind != FileSystemKind.DIRECTORY or not _absolute(place):
                yield required(f"{BASE}.source", "fileSystemPath must have kind Directory and an absolute path")
            if place.format:
                yield invalid(
                    f"{BASE}.source.fileSystemPath.format", place.format, "does not go with TensorFlowEvent: remove it"
                )
        case CollectorKind.PROMETHEUS_METRIC:
            yield from _endpoint_errors(source)
        case CollectorKind.CUSTOM:
            if collector.collector is None or collector.collector.custom_collector is None:
                yield required(f"{BASE}.collector.customCollector", "give the container that collects")
            given = source.file_system_path is not None
            if given and (not _absolute(place) or place.kind not in (FileSystemKind.FILE, FileSystemKind.DIRECTORY)):
                yield invalid(
                    f"{BASE}.source.fileSystemPath",
                    place.path or "",
                    "must have kind File or Directory and an absolute path",
                )


def _file_errors(source: SourceSpec, place: FileSystemPath) -> Iterator[FieldError]:
    path = f"{BASE}.source.fileSystemPath"
    if place.kind != FileSystemKind.FILE or not _absolute(place):
        yield required(
            f"{path}.path",
            f"the collector File needs kind File and an absolute path, such as {names.PATH_METRICS_FILE}",
        )
    if place.format not in tuple(FileFormat):
        yield required(f"{path}.format", f"must be {' or '.join(FileFormat)}")
    if place.format == FileFormat.JSON and source.filter is not None:
        yield invalid(
            f"{BASE}.source.filter", "filter", "filters are for the format TEXT: remove it, or change the format"
        )


def _endpoint_errors(source: SourceSpec) -> Iterator[FieldError]:
    path = f"{BASE}.source.httpGet"
    if source.http_get is None:
        yield required(path, "say where metrics are served: port and path")
        return
    port = source.http_get.port
    if not isinstance(port, int) or port <= 0:
        yield invalid(f"{path}.port", port, "must be a positive number")
    if not (source.http_get.path or "").startswith("/"):
        yield invalid(f"{path}.path", source.http_get.path or "", "must begin with /")


def _absolute(place: FileSystemPath) -> bool:
    return (place.path or "").startswith("/")


def _filter_errors(source: SourceSpec) -> Iterator[FieldError]:
    """Rows 57 and 58, for every kind (WH-16)."""
    path = f"{BASE}.source.filter.metricsFormat"
    for text in (source.filter.metrics_format if source.filter else None) or []:
        try:
            groups = capture_groups(text)
        except RegexError as error:
            yield invalid(path, text, f"{error}; write an RE2 expression with two groups, name and value")
            continue
        if groups < 2:
            yield invalid(
                path,
                text,
                f"has {groups} capture groups; two are needed, the first for the name, the second for the value",
            )
