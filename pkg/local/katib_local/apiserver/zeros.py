"""Which empty texts, zeros and noes of Kubernetes' own kinds are kept: those that are something else than nothing. Pure.

A field that can be told from one that nobody said (a pointer in Go) keeps them, and so does one that every object has. All
others are left out, as a cluster leaves them out when it stores and shows an object.

Source: the types of `k8s.io/api`, `apimachinery` and `apiextensions-apiserver` 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping

_TABLE = """
AppArmorProfile: localhostProfile
AzureDiskVolumeSource: cachingMode fsType kind readOnly
AzureFilePersistentVolumeSource: secretNamespace
CSIVolumeSource: fsType readOnly
ClientIPConfig: timeoutSeconds
ClusterTrustBundleProjection: name optional signerName user
ConfigMap: immutable
ConfigMapEnvSource: optional
ConfigMapKeySelector: optional
ConfigMapProjection: optional
ConfigMapVolumeSource: defaultMode defaultUser optional
Container: restartPolicy
ContainerStatus: started stopSignal
CustomResourceDefinitionVersion: deprecationWarning
CustomResourceSubresourceScale: labelSelectorPath
DeploymentSpec: progressDeadlineSeconds replicas revisionHistoryLimit
DeploymentStatus: collisionCount terminatingReplicas
DownwardAPIVolumeFile: mode user
DownwardAPIVolumeSource: defaultMode defaultUser
EmptyDirVolumeSource: mode
EndpointAddress: nodeName
EndpointPort: appProtocol
EphemeralContainer: restartPolicy
Event: reportingComponent reportingInstance
FCVolumeSource: lun
FileKeySelector: optional
GRPCAction: mode service
GlusterfsPersistentVolumeSource: endpointsNamespace
HTTPGetAction: protocol
HostPathVolumeSource: type
ISCSIPersistentVolumeSource: initiatorName
ISCSIVolumeSource: initiatorName
JSONSchemaProps: $ref maxItems maxLength maxProperties maximum minItems minLength minProperties minimum
    multipleOf x-kubernetes-list-type x-kubernetes-map-type x-kubernetes-preserve-unknown-fields
JobSpec: activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions managedBy
    manualSelector maxFailedIndexes parallelism podReplacementPolicy suspend ttlSecondsAfterFinished
JobStatus: failedIndexes ready terminating
KeyToPath: mode user
LeaseSpec: holderIdentity leaseDurationSeconds leaseTransitions preferredHolder strategy
Lifecycle: stopSignal
LoadBalancerIngress: ipMode
LocalVolumeSource: fsType
MutatingWebhook: failurePolicy matchPolicy reinvocationPolicy timeoutSeconds
NodeFeatures: supplementalGroupsPolicy
NodeRuntimeHandlerFeatures: recursiveReadOnlyMounts userNamespaces
NodeSwapStatus: capacity
NodeSystemInfo: runningInUserNamespace
ObjectMeta: deletionGracePeriodSeconds
OwnerReference: blockOwnerDeletion controller
PersistentVolumeClaimSpec: storageClassName volumeAttributesClassName volumeMode
PersistentVolumeClaimStatus: currentVolumeAttributesClassName
PersistentVolumeSpec: volumeAttributesClassName volumeMode
PodCertificateProjection: maxExpirationSeconds user
PodDNSConfigOption: value
PodFailurePolicyOnExitCodesRequirement: containerName
PodResourceClaim: resourceClaimName resourceClaimTemplateName
PodResourceClaimStatus: resourceClaimName
PodSchedulingGroup: podGroupName
PodSecurityContext: fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy
    supplementalGroupsPolicy
PodSpec: activeDeadlineSeconds automountServiceAccountToken enableServiceLinks hostUsers hostnameOverride
    preemptionPolicy priority runtimeClassName setHostnameAsFQDN shareProcessNamespace
    terminationGracePeriodSeconds
PortStatus: error
Probe: terminationGracePeriodSeconds
ProjectedVolumeSource: defaultMode defaultUser
ReplicaSetSpec: replicas
ReplicaSetStatus: terminatingReplicas
ResourceHealth: message
RollingUpdateDeployment: maxSurge maxUnavailable
RuleWithOperations: scope
SeccompProfile: localhostProfile
Secret: immutable
SecretEnvSource: optional
SecretKeySelector: optional
SecretProjection: optional
SecretVolumeSource: defaultMode defaultUser optional
SecurityContext: allowPrivilegeEscalation privileged procMount readOnlyRootFilesystem runAsGroup runAsNonRoot
    runAsUser
ServiceAccount: automountServiceAccountToken
ServiceAccountTokenProjection: expirationSeconds user
ServicePort: appProtocol
ServiceReference: path port
ServiceSpec: allocateLoadBalancerNodePorts internalTrafficPolicy ipFamilyPolicy loadBalancerClass
    trafficDistribution
SuccessPolicyRule: succeededCount succeededIndexes
Toleration: tolerationSeconds
TopologySpreadConstraint: minDomains nodeAffinityPolicy nodeTaintsPolicy
TypedLocalObjectReference: apiGroup
TypedObjectReference: apiGroup namespace
ValidatingWebhook: failurePolicy matchPolicy timeoutSeconds
ValidationRule: optionalOldSelf reason
VolumeMount: mountPropagation recursiveReadOnly
VolumeMountStatus: recursiveReadOnly
WebhookClientConfig: url
WindowsSecurityContextOptions: gmsaCredentialSpec gmsaCredentialSpecName hostProcess runAsUserName
WorkloadPodGroupGangSchedulingPolicy: minCount
WorkloadPodGroupResourceClaim: resourceClaimName resourceClaimTemplateName
"""
"""By struct: its fields that are not required and keep a zero; a row goes on where it is indented."""


def _rows(table: str) -> Mapping[str, frozenset[str]]:
    lines = table.strip().replace("\n    ", " ").splitlines()
    return {struct: frozenset(fields.split()) for struct, _, fields in (line.partition(":") for line in lines)}


KEPT = _rows(_TABLE)


def keeps_zero(struct: str, field: str) -> bool:
    """Whether a field of a struct, called by the last part of its name, is another one when it is zero."""
    return field in KEPT.get(struct, ())
