"""Where changes go: the object's own file, a new one beside it, an overlay's patch, a chart's value; or nowhere."""

import copy

import pytest
import yaml

from sidestep.convert.repository.place import place
from sidestep.convert.repository.values import Repository, joined
from sidestep.convert.rewrite import ORIGIN, Change, ChangeKind
from sidestep.model.build import typed
from sidestep.model.kinds import SERVICE, VIRTUAL_SERVICE
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import ClusterOrigin, FileOrigin

KIND = {"Service": SERVICE, "VirtualService": VIRTUAL_SERVICE}
CLUSTER = ClusterOrigin("prod")


def service(name="web", namespace="shop", **spec):
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"type": "ClusterIP", **spec}}


def text_of(*trees):
    return "---\n".join(yaml.safe_dump(tree, sort_keys=False) for tree in trees)


class Scene:
    """Files and what stands in the cluster."""

    def __init__(self, **files):
        self.files = {name.replace("__", "/").replace("_y", ".y"): text for name, text in files.items()}
        self.standing = {}

    def stands(self, tree, origin=CLUSTER):
        import msgspec  # noqa: PLC0415

        kind = KIND[tree["kind"]]
        resource = typed(kind, msgspec.json.encode(tree), tree["apiVersion"], tree["kind"], origin)
        self.standing[resource.id] = resource
        return resource.id

    def place(self, *changes):
        return place(Repository(self.files), changes, self.standing.get)


def replaced(identity, tree):
    return Change(ChangeKind.REPLACE, identity, tree, identity, "SID301")


def removed(identity):
    return Change(ChangeKind.REMOVE, identity, None, identity, "SID301", late=True)


def added(tree, origin):
    meta = tree["metadata"]
    identity = ObjectId(tree["apiVersion"], tree["kind"], meta.get("namespace", ""), meta["name"])
    return Change(ChangeKind.ADD, identity, tree, origin, "SID301")


def changed(tree, **spec):
    new = copy.deepcopy(tree)
    new["spec"].update(spec)
    return new


def only(placed):
    (unplaced,) = placed.unplaced
    assert not placed.files
    return unplaced


def test_a_plain_object_is_edited_where_it_was_read():
    web, other = service(), service("other")
    text = "# ours\n" + text_of(web, other)
    scene = Scene(repo__a_yaml=text)
    identity = scene.stands(web, FileOrigin("repo/a.yaml", 2, 1))
    placed = scene.place(replaced(identity, changed(web, type="NodePort")))
    assert placed.files == {"repo/a.yaml": text.replace("ClusterIP", "NodePort", 1)}
    assert not placed.unplaced


def test_fields_that_say_null_stay_as_they_are_beside_what_changes():
    web = service()
    text = text_of(web).replace("  namespace:", "  labels:\n  annotations: # none\n  namespace:")
    scene = Scene(a_yaml=text)
    identity = scene.stands(web, FileOrigin("a.yaml", 1, 1))
    labelled = {**web, "metadata": {**web["metadata"], "annotations": {"by": "us"}}}
    (made,) = scene.place(replaced(identity, labelled)).files.values()
    assert made == text.replace("# none\n", "# none\n    by: us\n")


@pytest.mark.parametrize(("namespace", "again"), [("shop", True), ("default", True), ("depot", False)])
def test_what_is_said_twice_is_not_edited_for_nobody_can_tell_which_counts(namespace, again):
    there = "default" if namespace == "default" else "shop"
    web, other = service(namespace=there), service(namespace="" if namespace == "default" else namespace)
    scene = Scene(a_yaml=text_of(web), b_yaml=text_of(other))
    identity = scene.stands(web, FileOrigin("a.yaml", 1, 1))
    placed = scene.place(replaced(identity, changed(web, type="NodePort")))
    assert ("a.yaml" in placed.files) is not again
    assert ["said 2 times: a.yaml, b.yaml" in each.reason for each in placed.unplaced] == [True] * again


def test_of_two_changes_in_one_file_both_are_made():
    web, other = service(), service("other")
    scene = Scene(a_yaml=text_of(web, other))
    one, two = scene.stands(web, FileOrigin("a.yaml", 1, 1)), scene.stands(other, FileOrigin("a.yaml", 8, 2))
    placed = scene.place(replaced(one, changed(web, type="NodePort")), removed(two))
    assert placed.files == {"a.yaml": text_of(changed(web, type="NodePort"))}


def test_a_file_that_is_left_empty_goes_and_its_kustomization_forgets_it():
    web = service()
    scene = Scene(k__a_yaml=text_of(web), k__kustomization_yaml="resources:\n- ./a.yaml # web\n- b.yaml\n")
    identity = scene.stands(web, FileOrigin("k/a.yaml"))
    assert scene.place(removed(identity)).files == {"k/a.yaml": None, "k/kustomization.yaml": "resources:\n- b.yaml\n"}


def test_a_new_object_comes_beside_its_origin_named_as_its_neighbours_and_is_listed():
    web = service()
    kustomization = "resources:\n  - web-service.yml\n"
    scene = Scene(k__kustomization_yaml=kustomization)
    scene.files["k/web-service.yml"] = text_of(web)
    identity = scene.stands(web, FileOrigin("k/web-service.yml"))
    placed = scene.place(added(service("more"), identity))
    assert placed.files == {
        "k/more-service.yml": text_of(service("more")),
        "k/kustomization.yaml": kustomization + "  - more-service.yml\n",
    }


def test_a_new_object_of_a_file_that_holds_several_is_appended():
    web, other = service(), service("other")
    scene = Scene(a_yaml=text_of(web, other))
    identity = scene.stands(web, FileOrigin("a.yaml"))
    placed = scene.place(added(service("more"), identity))
    assert placed.files == {"a.yaml": text_of(web, other, service("more"))}


def test_without_a_manner_a_file_is_named_by_kind_and_name_and_none_is_overwritten():
    web = service()
    scene = Scene(all_yaml=text_of(web))
    scene.files["service-more.yaml"] = "# notes\n"
    identity = scene.stands(web, FileOrigin("all.yaml"))
    assert list(scene.place(added(service("more"), identity)).files) == ["service-more-2.yaml"]


def test_what_runs_is_found_in_the_file_that_says_it():
    file, runs = service(namespace=""), {**service(), "status": {"loadBalancer": {}}}
    runs["metadata"]["uid"] = "1"
    scene = Scene(a_yaml=text_of(file))
    identity = scene.stands(runs)
    placed = scene.place(replaced(identity, changed(runs, type="NodePort", ports=[{"port": 1}])))
    assert placed.files == {"a.yaml": text_of(changed(file, type="NodePort", ports=[{"port": 1}]))}


def test_a_field_that_runs_otherwise_than_the_file_says_is_not_guessed():
    scene = Scene(a_yaml=text_of(service(type="LoadBalancer")))
    identity = scene.stands(service())
    unplaced = only(scene.place(replaced(identity, changed(service(), type="NodePort"))))
    assert unplaced.where == "a.yaml"
    assert "spec.type otherwise" in unplaced.reason
    assert yaml.safe_load(unplaced.patch) == [{"op": "replace", "path": "/spec/type", "value": "NodePort"}]


def test_an_object_in_two_files_is_not_guessed():
    scene = Scene(a_yaml=text_of(service()), b_yaml=text_of(service()))
    identity = scene.stands(service())
    assert "2 files say it: a.yaml, b.yaml" in only(scene.place(removed(identity))).reason


def test_an_object_that_no_file_says():
    scene = Scene(a_yaml=text_of(service("other")))
    unplaced = only(scene.place(replaced(scene.stands(service()), changed(service(), type="NodePort"))))
    assert unplaced.reason == "no file of the repository says it"


def test_a_file_that_changed_since_it_was_read_is_not_written():
    scene = Scene(a_yaml=text_of(service(type="LoadBalancer")))
    identity = scene.stands(service(), FileOrigin("a.yaml"))
    assert "something else than was read" in only(scene.place(removed(identity))).reason


def test_what_cannot_be_edited_in_place_is_told_with_its_patch():
    web = {**service(), "x": 1}
    text = text_of(service()) + "x: 1 # ends here\x85w: 2\n"
    web["w"] = 2
    scene = Scene(a_yaml=text)
    identity = scene.stands(web, FileOrigin("a.yaml"))
    unplaced = only(scene.place(replaced(identity, {**web, "x": {"z": 1}})))
    assert "cannot be edited in place" in unplaced.reason
    assert "/x" in unplaced.patch


BASE = "resources:\n- web.yaml\n"
OVERLAY = "namePrefix: prod-\nnamespace: shop\nresources:\n- ../base # all\n"


def overlay(**more):
    scene = Scene(base__kustomization_yaml=BASE, prod__kustomization_yaml=OVERLAY, **more)
    scene.files["base/web.yaml"] = text_of(service(namespace=""))
    return scene


def test_through_an_overlay_the_own_file_is_edited():
    scene = overlay()
    runs = service("prod-web")
    placed = scene.place(replaced(scene.stands(runs), changed(runs, type="NodePort")))
    assert placed.files == {"base/web.yaml": text_of(service(namespace="", type="NodePort"))}


def test_what_an_overlay_says_otherwise_becomes_its_patch():
    scene = overlay()
    runs = service("prod-web", type="LoadBalancer")
    placed = scene.place(replaced(scene.stands(runs), changed(runs, type="NodePort")))
    assert list(placed.files) == ["prod/kustomization.yaml"]
    new = placed.files["prod/kustomization.yaml"]
    assert new.startswith(OVERLAY)
    (patch,) = yaml.safe_load(new)["patches"]
    assert patch["target"] == {"version": "v1", "kind": "Service", "name": "web"}
    named = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    assert yaml.safe_load(patch["patch"]) == {**named, "spec": {"type": "NodePort"}}


def test_what_comes_from_elsewhere_is_patched_and_removed_in_the_only_overlay():
    scene = Scene(prod__kustomization_yaml="resources:\n- https://example.com/web?ref=v1\n")
    web, other = scene.stands(service()), scene.stands(service("other"))
    new = scene.place(replaced(web, changed(service(), type="NodePort")), removed(other)).files[
        "prod/kustomization.yaml"
    ]
    one, two = yaml.safe_load(new)["patches"]
    assert "NodePort" in one["patch"]
    assert yaml.safe_load(two["patch"])["$patch"] == "delete"


def test_of_several_overlays_none_is_guessed():
    remote = "resources:\n- https://example.com/web\n"
    scene = Scene(prod__kustomization_yaml=remote, test__kustomization_yaml=remote)
    assert "several overlays" in only(scene.place(removed(scene.stands(service())))).reason


def test_an_overlay_of_another_namespace_renders_it_not():
    remote = "namespace: {}\nresources:\n- https://example.com/web\n"
    scene = Scene(prod__kustomization_yaml=remote.format("shop"), test__kustomization_yaml=remote.format("test"))
    assert list(scene.place(removed(scene.stands(service()))).files) == ["prod/kustomization.yaml"]


def test_a_patch_is_not_taken_for_an_object():
    scene = overlay()
    scene.files["prod/kustomization.yaml"] += "patches:\n- path: more.yaml\n"
    scene.files["prod/more.yaml"] = text_of(service("web"))
    identity = scene.stands(service("web"), FileOrigin("prod/more.yaml"))
    assert "only a patch" in only(scene.place(removed(identity))).reason


TEMPLATE = """\
apiVersion: v1
kind: Service
metadata:
  name: {{ include "web.fullname" . }}
  labels:
    {{- include "web.labels" . | nindent 4 }}
spec:
  type: {{ .Values.service.type }}
  externalName: {{ .Values.host | quote }}
  clusterIP: "{{ .Values.ip }}"
  {{- if .Values.more }}
  sessionAffinity: {{ .Values.affinity }}
  {{- end }}
  ipFamilyPolicy: SingleStack
  loadBalancerClass: {{ .Values.cls | default "x" }}
"""
VALUES = "# kinds of service\nservice:\n  type: ClusterIP # not open\nhost: a.b\nip: None\naffinity: ClientIP\nmore: true\ncls: x\n"


def chart(**more):
    scene = Scene(**more)
    chart = {
        "Chart.yaml": "name: web\n",
        "templates/service.yaml": TEMPLATE,
        "values.yaml": VALUES,
        "values.schema.json": "{}",
    }
    scene.files.update({f"web/{name}": text for name, text in chart.items()})
    return scene


RUNS = service(type="ClusterIP", externalName="a.b", clusterIP="None", sessionAffinity="ClientIP", ipFamilyPolicy="SingleStack", loadBalancerClass="x")  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "old", "new"),
    [
        ("type", "NodePort", "type: ClusterIP", "type: NodePort"),
        ("externalName", "c.d", "host: a.b", "host: c.d"),
        ("clusterIP", "Any", "ip: None", "ip: Any"),
    ],
)
def test_a_field_that_is_one_value_of_a_chart_is_changed_there(field, value, old, new):
    scene = chart()
    placed = scene.place(replaced(scene.stands(RUNS), changed(RUNS, **{field: value})))
    assert placed.files == {"web/values.yaml": VALUES.replace(old, new)}


SETTERS = {
    "a file of another folder": ("env/prod.yaml", "service: {type: X}\n"),
    "one in the place of the mapping": ("env/prod.yaml", "service: null\n"),
    "Flux": ("flux/web.yaml", "kind: HelmRelease\nspec: {values: {service: {type: X}}}\n"),
    "Argo CD": ("argo/web.yaml", "kind: Application\nspec: {source: {helm: {valuesObject: {service: {type: X}}}}}\n"),
    "Argo CD's text": ("argo/web.yaml", "kind: Application\nspec:\n  source:\n    helm:\n      values: |\n        service: {type: X}\n"),
    "Argo CD's parameters": ("argo/web.yaml", "kind: Application\nspec: {source: {helm: {parameters: [{name: service.type, value: X}]}}}\n"),
    "Helmfile": ("helmfile.yaml", "releases:\n- name: web\n  values:\n  - ../x.yaml\n  - service: {type: X}\n"),
    "a ConfigMap": ("flux/values.yml", "kind: ConfigMap\ndata:\n  values.yaml: |\n    service: {type: X}\n"),
    "one that cannot be read": ("helmfile.yaml", "{{ if .x }}\nservice: {type: X}\n{{ end }}\n"),
    "a chart around": ("Chart.yaml", "name: all\n"),
}  # fmt: skip


def at_chart(files):
    scene = chart()
    scene.files.update(files)
    return scene.place(replaced(scene.stands(RUNS), changed(RUNS, type="NodePort")))


@pytest.mark.parametrize("setter", SETTERS)
def test_whoever_else_decides_a_value_makes_it_uncertain(setter):
    path, text = SETTERS[setter]
    around = {"values.yaml": "web: {service: {type: X}}\n"} if path == "Chart.yaml" else {}
    assert "sets service.type too" in only(at_chart({path: text, **around})).reason


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("env/prod.yaml", "service: {port: 1}\n"),
        ("other/values.yaml", "service: {type: X}\n"),
        ("plain/gateway.yaml", "kind: Gateway\nservice: {type: X}\n"),
    ],
)
def test_who_says_something_else_does_not(path, text):
    placed = at_chart({path: text, "other/Chart.yaml": "name: other\n"})
    assert placed.files == {"web/values.yaml": VALUES.replace("type: ClusterIP", "type: NodePort")}


def test_a_mapping_that_goes_is_emptied_where_all_of_it_are_values():
    template = TEMPLATE[: TEMPLATE.index("  labels:")]
    notes = "  {{- with .Values.notes }}\n  annotations:\n    {{- toYaml . | nindent 4 }}\n  {{- end }}\n"
    scene = chart()
    scene.files["web/templates/service.yaml"] = template + notes
    scene.files["web/values.yaml"] = "a: 1\nnotes:\n  x: one # why\n  z: two\n"
    runs = {key: value for key, value in RUNS.items() if key != "spec"}
    noted = {**runs, "metadata": {**runs["metadata"], "annotations": {"x": "one", "z": "two"}}}
    placed = scene.place(replaced(scene.stands(noted), runs))
    assert placed.files == {"web/values.yaml": "a: 1\nnotes: {}\n"}


@pytest.mark.parametrize(
    ("spec", "files", "says"),
    [
        ({"sessionAffinity": "None"}, {}, "makes /spec/sessionAffinity by"),
        ({"ipFamilyPolicy": "DualStack"}, {}, "says /spec/ipFamilyPolicy itself"),
        ({"loadBalancerClass": "y"}, {}, "makes /spec/loadBalancerClass by"),
        ({"ports": [{"port": 1}]}, {}, "more than one value"),
        ({"type": "yes"}, {}, "rendered as something else"),
        (
            {"type": "NodePort"},
            {"web/values-prod.yaml": "service: {type: X}\n"},
            "values-prod.yaml sets service.type too",
        ),
        ({"type": "NodePort"}, {"values.yaml": "web: {service: {type: X}}\n"}, "values.yaml sets service.type too"),
        (
            {"type": "NodePort"},
            {"web/templates/x.yaml": "a: {{ .Values.service.type }}"},
            "used in more than one place",
        ),
        ({"type": "NodePort"}, {"web/templates/_x.tpl": "{{ toYaml .Values.service }}"}, "used in more than one place"),
        ({"type": "NodePort"}, {"web/values.yaml": "service: {type: Other}\n"}, "does not say what was rendered"),
        ({"type": "NodePort"}, {"web/values.yaml": "a: 1\n"}, "does not say what was rendered"),
        ({"type": "NodePort"}, {"web/templates/more.yaml": TEMPLATE}, "several templates"),
    ],
)
def test_where_it_is_not_certain_which_value_it_is_the_patch_is_told(spec, files, says):
    scene = chart()
    scene.files.update(files)
    unplaced = only(scene.place(replaced(scene.stands(RUNS), changed(RUNS, **spec))))
    assert says in unplaced.reason
    assert unplaced.patch


def test_a_template_of_another_name_makes_it_not():
    scene = chart()
    scene.files["web/templates/service.yaml"] = TEMPLATE.replace('{{ include "web.fullname" . }}', "{{ .Values.host }}")
    assert "no file" in only(scene.place(removed(scene.stands(RUNS)))).reason


def test_what_a_chart_makes_does_not_go_by_itself():
    scene = chart()
    unplaced = only(scene.place(removed(scene.stands(RUNS))))
    assert unplaced.reason == "a template of a chart makes it"
    assert unplaced.patch == "kubectl delete Service web -n shop"


def test_a_new_object_of_unknown_origin_comes_into_the_folder():
    scene = Scene(repo__a_yaml="x: 1\n")
    placed = place(Repository(scene.files, "repo"), [added(service("more"), ObjectId("v1", "Service", "shop", "web"))], scene.standing.get)  # fmt: skip
    assert placed.files == {"repo/service-more.yaml": text_of(service("more"))}


def test_a_new_object_without_any_place_is_told_whole():
    scene = Scene(a__kustomization_yaml="resources: []\n", b__kustomization_yaml="resources: []\n")
    unplaced = only(scene.place(added(service("more"), ObjectId("v1", "Service", "shop", "web"))))
    assert yaml.safe_load(unplaced.patch) == service("more")


def test_a_repository_of_odd_files_is_no_trouble():
    odd = {"kustomization.yaml": "- 1\n", "a/kustomization.yaml": "resources: 5\npatches: [1, {path: 3}]\n", "b/kustomization.yaml": "a: [",
           "c.yaml": "- 1\n- kind: List\n  items: [1]\n", "d.json": "{", "e.yaml": "kind: Service\nmetadata: 5\n", "Chart.yaml": "", "templates/x.yaml": "{{", "f.yaml": "kind: List\nitems: [{kind: 1}]"}  # fmt: skip
    scene = Scene()
    scene.files.update(odd)
    assert "no file" in only(scene.place(removed(scene.stands(service())))).reason


@pytest.mark.parametrize(
    ("folder", "path", "whole"),
    [("a/b", "../c", "a/c"), ("", "./c", "c"), ("/r/a", "../c/.", "/r/c"), ("a", "../../c", "../c"), ("../a", "../c", "../c"), ("a", "/c", "c")],
)  # fmt: skip
def test_paths_are_resolved(folder, path, whole):
    assert joined(folder, path) == whole


ROUTE = """\
# who calls web
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web  # as the team calls it
  namespace: shop
spec:
  hosts: [web]  # short
"""


def turned_into(name, origin, **spec):
    """A change that removes an object, and the one that makes another of its kind of it."""
    tree = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "spec": spec}
    tree["metadata"] = {"name": name, "namespace": "shop"}
    return added(tree, origin), removed(origin)


def test_one_of_its_kind_comes_in_the_place_of_what_goes_and_comments_stay():
    scene = Scene(a_yaml=ROUTE)
    identity = scene.stands(yaml.safe_load(ROUTE), FileOrigin("a.yaml"))
    placed = scene.place(*turned_into("web-2", identity, hosts=["web"], exportTo=["."]))
    assert placed.files == {"a.yaml": ROUTE.replace("name: web ", "name: web-2 ") + "  exportTo:\n  - .\n"}


def test_another_one_of_its_kind_comes_beside():
    scene = Scene(a_yaml=ROUTE, b_yaml=text_of(service()))
    identity = scene.stands(yaml.safe_load(ROUTE), FileOrigin("a.yaml"))
    (one, gone), (other, _) = (turned_into(name, identity, hosts=["web"]) for name in ("x", "y"))
    placed = scene.place(one, other, gone)
    assert placed.files["a.yaml"] == ROUTE.replace("name: web ", "name: x ")
    assert [path for path in placed.files if path != "a.yaml"] == ["virtualservice-y.yaml"]


def test_one_that_an_overlay_would_patch_comes_by_itself():
    scene = Scene(k__a_yaml=ROUTE, k__p_yaml=ROUTE.replace("[web]", "[web.shop]"))
    scene.files["k/kustomization.yaml"] = "resources: [a.yaml]\npatches: [{path: p.yaml}]\n"
    runs = yaml.safe_load(ROUTE)
    runs["spec"]["hosts"] = ["web.shop"]
    identity = scene.stands(runs)
    placed = scene.place(*turned_into("web-2", identity, hosts=["web"]))
    assert "k/a.yaml" not in placed.files
    assert "$patch: delete" in placed.files["k/kustomization.yaml"]
    assert placed.files["k/virtualservice-web-2.yaml"].startswith("apiVersion")


def test_a_file_that_ends_with_a_marker_gets_no_second_one():
    web, other = service(), service("other")
    scene = Scene(a_yaml=text_of(web, other) + "---\n")
    identity = scene.stands(web, FileOrigin("a.yaml"))
    assert scene.place(added(service("more"), identity)).files == {"a.yaml": text_of(web, other, service("more"))}


def made_of(origin, name="web-only-waypoint"):
    """An object that says what it was made from."""
    tree = service(name)
    tree["metadata"]["annotations"] = {ORIGIN: str(origin)}
    return added(tree, origin)


def test_what_is_made_of_an_object_without_a_place_is_not_written_either():
    web = service()
    scene = Scene(a_yaml=text_of(web), b_yaml=text_of(web), c_yaml=text_of(service("other")))
    identity = scene.stands(web, FileOrigin("a.yaml", 1, 1))
    other = scene.stands(service("other"), FileOrigin("c.yaml", 1, 1))
    changes = (replaced(identity, changed(web, type="NodePort")), made_of(identity))
    placed = scene.place(*changes, replaced(other, changed(service("other"), type="NodePort")))
    assert list(placed.files) == ["c.yaml"]
    assert [each.object.name for each in placed.unplaced] == ["web", "web-only-waypoint"]
    assert "done by hand with Service shop/web" in placed.unplaced[1].reason
    assert "name: web-only-waypoint" in placed.unplaced[1].patch


def test_an_object_stays_where_what_is_made_of_it_has_no_place():
    web = service()
    scene = Scene(overlay__kustomization_yaml="resources: [a.yaml]\nnamePrefix: x-\n", overlay__a_yaml=text_of(web))
    identity = scene.stands({**web, "metadata": {"name": "x-web", "namespace": "shop"}})
    placed = scene.place(removed(identity), made_of(identity))
    assert not placed.files
    assert {each.object.name for each in placed.unplaced} == {"x-web", "web-only-waypoint"}


def test_what_a_plan_makes_for_several_services_waits_for_none_of_them():
    web = service()
    scene = Scene(a_yaml=text_of(web), b_yaml=text_of(web))
    identity = scene.stands(web, FileOrigin("a.yaml", 1, 1))
    placed = scene.place(replaced(identity, changed(web, type="NodePort")), added(service("waypoint"), identity))
    assert [each.object.name for each in placed.unplaced] == ["web"]
    assert "name: waypoint" in "".join(placed.files.values())


@pytest.mark.parametrize(("namespace", "named"), [("", False), ("default", True)])
def test_a_new_object_names_its_namespace_if_its_neighbour_does(namespace, named):
    """Where the one is applied the other has to be, whatever is said to who applies them."""
    web = service(namespace=namespace)
    scene = Scene(a_yaml=text_of(web, service("other", namespace)))
    identity = scene.stands(web, FileOrigin("a.yaml", 1, 1))
    assert identity.namespace == "default"
    placed = scene.place(added(service("web-twin", "default"), identity), added(service("far", "shop"), identity))
    written = {each["metadata"]["name"]: each["metadata"] for each in yaml.safe_load_all(placed.files["a.yaml"])}
    assert ("namespace" in written["web-twin"]) is named
    assert written["far"]["namespace"] == "shop"


def test_what_takes_the_place_of_an_object_without_a_namespace_names_none_either():
    guard = service("guard", "")
    scene = Scene(a_yaml=text_of(guard))
    identity = scene.stands(guard, FileOrigin("a.yaml", 1, 1))
    placed = scene.place(added(service("web-guard", "default"), identity), removed(identity))
    assert yaml.safe_load(placed.files["a.yaml"])["metadata"] == {"name": "web-guard"}
