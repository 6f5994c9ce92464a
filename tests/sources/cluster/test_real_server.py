"""The cluster door against a real kube-apiserver with RBAC."""

import pytest
from tests.support.servers import EXPIRED, tolerating

from sidestep.errors import SidestepError, TransportError
from sidestep.model.gaps import GapReason
from sidestep.model.kinds import AUTHORIZATION_POLICY, CONFIG_MAP, DEPLOYMENT, NAMESPACE, WEBHOOK
from sidestep.sources.cluster import ClusterSource, cluster_access
from sidestep.sources.cluster.rbac import least_cluster_role

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("apiserver")]

PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{ns}/deployments",
    "Service": "/api/v1/namespaces/{ns}/services",
    "ConfigMap": "/api/v1/namespaces/{ns}/configmaps",
    "AuthorizationPolicy": "/apis/security.istio.io/v1/namespaces/{ns}/authorizationpolicies",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
}


def source(server, user: dict | None = None, **options) -> ClusterSource:
    path = server.admin() if user is None else server.kubeconfig("other", user)
    return ClusterSource(cluster_access(path, None, 20.0), **options)


def create(server, kind: str, name: str, namespace: str = "", **body):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **body.pop("metadata", {})}
    api = {"ConfigMap": "v1", "Service": "v1", "Deployment": "apps/v1", "AuthorizationPolicy": "security.istio.io/v1"}
    version = api.get(kind, "admissionregistration.k8s.io/v1")
    tree = {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
    with tolerating(409):
        server.send("POST", PATHS[kind].format(ns=namespace), tree)


@pytest.fixture(scope="module")
def furnished(apiserver):
    """A server with one of what matters."""
    create(apiserver, "ConfigMap", "istio", "kube-system", data={"mesh": "trustDomain: td"})
    create(apiserver, "ConfigMap", "private", "default", data={"password": "geheim"})
    spec = {"rules": [{"to": [{"operation": {"methods": ["GET"]}}]}], "unheardOf": {"kept": [1, 2.5, None]}}
    create(apiserver, "AuthorizationPolicy", "api", "default", spec=spec)
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "app", "image": "cart:1"}]}}
    deployment = {"replicas": 2, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
    create(apiserver, "Deployment", "cart", "default", spec=deployment)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "geheim"}}
    with tolerating(409):
        apiserver.send("POST", "/api/v1/namespaces/default/secrets", secret)
    return apiserver


def test_reads_everything_and_nothing_private(furnished):
    mesh = source(furnished).read()
    assert mesh.gaps == ()
    assert mesh.source.version.startswith("v")
    assert mesh.source.cluster_id
    assert mesh.find(DEPLOYMENT, "default", "cart").view.spec.replicas == 2
    assert {config.meta.name for config in mesh.of(CONFIG_MAP)} == {"istio"}
    bodies = b"".join(resource.body for found in mesh.resources.values() for resource in found)
    assert b"geheim" not in bodies


def test_unknown_fields_survive(furnished):
    policy = source(furnished).read().find(AUTHORIZATION_POLICY, "default", "api")
    assert policy.tree()["spec"]["unheardOf"] == {"kept": [1, 2.5, None]}
    assert policy.api_version == "security.istio.io/v1"


def test_only_istios_webhooks_are_kept(furnished):
    entry = {
        "name": "rev.namespace.sidecar-injector.istio.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "clientConfig": {"url": "https://127.0.0.1:1/inject"},
        "namespaceSelector": {"matchLabels": {"no": "body"}},
    }
    labels = {"metadata": {"labels": {"istio.io/rev": "default"}}}
    create(furnished, "MutatingWebhookConfiguration", "istio-sidecar-injector", webhooks=[entry], **labels)
    create(furnished, "MutatingWebhookConfiguration", "other", webhooks=[{**entry, "name": "a.example.com"}])
    assert [webhook.meta.name for webhook in source(furnished).read().of(WEBHOOK)] == ["istio-sidecar-injector"]


def test_the_least_role_is_enough(furnished):
    furnished.allow("auditor", least_cluster_role())
    assert source(furnished, furnished.certificate_user("auditor")).read().gaps == ()


@pytest.mark.parametrize("kind", [DEPLOYMENT, NAMESPACE, AUTHORIZATION_POLICY, CONFIG_MAP], ids=lambda kind: kind.name)
def test_each_missing_right_is_a_gap_of_that_kind(furnished, kind):
    role = least_cluster_role()
    for rule in role["rules"]:
        if rule["apiGroups"] == [kind.group] and kind.plural in rule["resources"]:
            rule["resources"] = [plural for plural in rule["resources"] if plural != kind.plural]
    role["rules"] = [rule for rule in role["rules"] if rule["resources"]]
    furnished.allow("auditor", role)
    gaps = source(furnished, furnished.certificate_user("auditor")).read().gaps
    assert {(gap.resource, gap.reason) for gap in gaps} == {(kind.key, GapReason.FORBIDDEN)}
    assert all(f"verb list on {kind.key}" in gap.remedy for gap in gaps)


def test_no_right_at_all_is_all_gaps_and_no_error(furnished):
    mesh = source(furnished, furnished.certificate_user("nobody")).read()
    assert {gap.reason for gap in mesh.gaps} == {GapReason.FORBIDDEN}
    assert not mesh.pods
    assert not mesh.resources


def test_one_namespace_is_read_alone(furnished):
    mesh = source(furnished, namespaces=("default",)).read()
    assert mesh.source.namespaces == ("default",)
    assert {d.meta.namespace for d in mesh.of(DEPLOYMENT)} == {"default"}
    assert mesh.gaps == ()


def test_labels_select_controllers(furnished):
    assert source(furnished, selector="app=nothing").read().of(DEPLOYMENT) == ()


def test_expired_and_foreign_credentials(furnished):
    with pytest.raises(SidestepError):
        source(furnished, furnished.certificate_user("late", lasts=EXPIRED)).read()
    with pytest.raises(TransportError, match="refuses us"):
        source(furnished, {"token": "nobodys"}).read()


def test_many_objects_come_page_by_page(furnished):
    for number in range(1_050):
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": f"sa-{number}"}}
        with tolerating(409):
            furnished.send("POST", "/api/v1/namespaces/kube-public/serviceaccounts", body)
    mesh = source(furnished).read()
    names = [found.meta.name for found in mesh.resources["serviceaccounts"] if found.meta.namespace == "kube-public"]
    assert len([name for name in names if name.startswith("sa-")]) == len(set(names)) == 1_050
