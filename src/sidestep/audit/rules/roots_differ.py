"""SID229: namespaces that hold different root certificates of the mesh."""

from collections import Counter
from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import CONFIG_MAP
from sidestep.model.resource import Resource
from sidestep.model.views.core import ConfigMap

_NAME = "istio-ca-root-cert"
_KEY = "root-cert.pem"
_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


def _check(facts: Facts) -> Iterator[Found]:
    """Only where these ConfigMaps were read, which from a cluster they are not: files and archives may hold them."""
    bundles = {each.id: (each, _roots(each)) for each in facts.mesh.of(CONFIG_MAP) if each.meta.name == _NAME}
    known = Counter(roots for _, roots in bundles.values() if roots)
    if len(known) < 2:
        return
    usual, _ = min(known.items(), key=lambda item: (-item[1], sorted(item[0])))
    for resource, roots in bundles.values():
        if roots and roots != usual:
            yield Found(
                of_resource(resource),
                f"holds {len(roots)} root certificates, of which {len(roots - usual)} are not among those of "
                f"{known[usual]} other namespaces, and lacks {len(usual - roots)} of theirs: "
                + (
                    "no root is common, and peers reject each other" if not roots & usual else "a rotation is under way"
                ),
                "let the rotation end before anything is moved: publish old and new root together, and switch the "
                "signer only when `istioctl ztunnel-config certificate` shows both for every identity",
                (Evidence("own roots", str(len(roots))), Evidence("common roots", str(len(roots & usual)))),
                Severity.ERROR if not roots & usual else None,
            )


def _roots(config_map: Resource[ConfigMap]) -> frozenset[str]:
    """The certificates, without their line breaks."""
    parts = (config_map.view.data or {}).get(_KEY, "").split(_BEGIN)[1:]
    return frozenset("".join(part.partition(_END)[0].split()) for part in parts)


RULE = Rule("SID229", "roots-differ", "Root certificates differ between namespaces", Severity.WARNING, _check)
