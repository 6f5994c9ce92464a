"""Controllers of pods, autoscalers and disruption budgets."""

from typing import Any

from msgspec import Struct

from sidestep.model.metadata import Labels, Metadata
from sidestep.model.pods import PodSpec


class LabelSelector(Struct, frozen=True, rename="camel"):
    """A label selector; an empty one selects everything, an absent one nothing."""

    match_labels: Labels | None = None
    match_expressions: tuple["Requirement", ...] | None = None


class Requirement(Struct, frozen=True):
    """One expression of a selector: In, NotIn, Exists or DoesNotExist."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] | None = None


class PodTemplate(Struct, frozen=True):
    """What a controller makes pods from."""

    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()


class ControllerSpec(Struct, frozen=True):
    """Of a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or Rollout."""

    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate | None = None


class Controller(Struct, frozen=True):
    """A controller whose spec holds a pod template."""

    spec: ControllerSpec = ControllerSpec()


class JobTemplate(Struct, frozen=True):
    """What a CronJob makes Jobs from."""

    metadata: Metadata = Metadata()
    spec: ControllerSpec = ControllerSpec()


class CronJobSpec(Struct, frozen=True, rename="camel"):
    """Of a CronJob's spec."""

    job_template: JobTemplate = JobTemplate()
    schedule: str = ""
    suspend: bool = False


class CronJob(Struct, frozen=True):
    """A CronJob."""

    spec: CronJobSpec = CronJobSpec()


class ScaleTarget(Struct, frozen=True, rename="camel"):
    """What an autoscaler scales."""

    kind: str = ""
    name: str = ""
    api_version: str = ""


class AutoscalerSpec(Struct, frozen=True, rename="camel"):
    """Of a HorizontalPodAutoscaler's spec."""

    scale_target_ref: ScaleTarget = ScaleTarget()
    min_replicas: int | None = None
    max_replicas: int = 0


class Autoscaler(Struct, frozen=True):
    """A HorizontalPodAutoscaler."""

    spec: AutoscalerSpec = AutoscalerSpec()


class DisruptionBudgetSpec(Struct, frozen=True, rename="camel"):
    """Of a PodDisruptionBudget's spec."""

    selector: LabelSelector | None = None
    min_available: int | str | None = None
    max_unavailable: int | str | None = None


class DisruptionBudgetStatus(Struct, frozen=True, rename="camel"):
    """Of a PodDisruptionBudget's status."""

    disruptions_allowed: int | None = None


class DisruptionBudget(Struct, frozen=True):
    """A PodDisruptionBudget."""

    spec: DisruptionBudgetSpec = DisruptionBudgetSpec()
    status: DisruptionBudgetStatus | None = None


class NetworkPolicyPort(Struct, frozen=True, rename="camel"):
    """A port that a rule admits; absent means every port."""

    port: int | str | None = None
    end_port: int | None = None
    protocol: str = "TCP"


class NetworkPolicyRule(Struct, frozen=True, rename={"from_": "from"}):
    """An ingress or egress rule; no ports means every port, no peers means everybody."""

    ports: tuple[NetworkPolicyPort, ...] | None = None
    from_: tuple[dict[str, Any], ...] | None = None
    to: tuple[dict[str, Any], ...] | None = None


class NetworkPolicySpec(Struct, frozen=True, rename="camel"):
    """Of a NetworkPolicy's spec."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] | None = None
    ingress: tuple[NetworkPolicyRule, ...] | None = None
    egress: tuple[NetworkPolicyRule, ...] | None = None


class NetworkPolicy(Struct, frozen=True):
    """A NetworkPolicy."""

    spec: NetworkPolicySpec = NetworkPolicySpec()


class WebhookEntry(Struct, frozen=True, rename="camel"):
    """One webhook of a MutatingWebhookConfiguration; an absent selector matches everything."""

    name: str = ""
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    failure_policy: str = "Fail"
    client_config: dict[str, Any] | None = None


class WebhookConfiguration(Struct, frozen=True):
    """A MutatingWebhookConfiguration."""

    webhooks: tuple[WebhookEntry, ...] | None = None
