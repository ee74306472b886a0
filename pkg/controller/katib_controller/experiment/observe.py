"""What is the world of an Experiment? Reads only, and from caches; a template in a ConfigMap is read from the API."""

from typing import Any

from katib_apis.v1beta1.models import ConfigMapSource, Experiment, Suggestion
from katib_apis.v1beta1.resources import SUGGESTIONS
from katib_controller.experiment.decide import World
from katib_controller.trial_book import TrialBook
from katib_domain.budget import assigned, trials_to_add
from katib_domain.conditions import is_completed
from katib_domain.trial_template import TrialTemplateError, get_template
from katib_machinery.cluster import Cluster
from katib_machinery.objects import CONFIG_MAPS
from katib_machinery.transport import ApiError


async def observe(cluster: Cluster, book: TrialBook, experiment: Experiment, trouble: str = "") -> World:
    """Fill the world that a decision about this Experiment looks at."""
    suggestion: Suggestion | None = cluster.cached(SUGGESTIONS, experiment.key)
    world = World(experiment, suggestion, book.summary(experiment.uid), trouble=trouble)
    if not _needs_template(world):
        return world
    template, problem = await _observe_template(cluster, experiment)
    return World(experiment, suggestion, world.summary, template, problem, trouble)


def _needs_template(world: World) -> bool:
    if world.experiment.deletion_timestamp is not None or is_completed(world.experiment):
        return False
    waiting = assigned(world.suggestion, world.summary.names).waiting
    return bool(waiting) and trials_to_add(world.spec, world.summary) > 0


async def _observe_template(cluster: Cluster, experiment: Experiment) -> tuple[Any, str]:
    template = experiment.spec.trial_template if experiment.spec is not None else None
    if template is None:
        return None, "the Experiment has no trialTemplate"
    if template.config_map is None:
        return template.trial_spec or {}, ""
    try:
        return await _text_of(cluster, template.config_map, experiment.namespace), ""
    except TrialTemplateError as error:
        return None, str(error)


async def _text_of(cluster: Cluster, source: ConfigMapSource, default_namespace: str) -> str:
    namespace, name = source.config_map_namespace or default_namespace, source.config_map_name or ""
    try:
        config_map = await cluster.client(CONFIG_MAPS).get(namespace, name)
    except ApiError as error:
        raise TrialTemplateError(f"config map {namespace}/{name} cannot be read: {error}") from error
    return get_template(config_map.raw.get("data") or {}, source.template_path or "")
