"""Small random meshes, random changes of them, and random requests: same seed, same world."""

import copy
import random

from tests.support import mesh as m
from tests.support.scenes import get, mesh_config, peers, pods, policy, principal, service, waypoint

from sidestep.semantics.requests import Tcp

WORKLOADS = (("web", "shop"), ("admin", "shop"), ("desk", "ops"), ("cart", "shop"), ("stock", "ops"), ("raw", "far"))
MODES = ("sidecar", "sidecar", "sidecar", "ambient", "none", "old")
METHODS = ("GET", "POST", "DELETE", "OPTIONS", "PATCH")
PATHS = ("/", "/admin", "/admin/x", "/api/v1/items", "/api/v2", "/foo", "/foobar", "/foo/bar", "/x/internal", "/a/b/c")
PATTERNS = ("/admin*", "/api/*", "*/internal", "/foo", "/a/{*}/c", "/a/{**}", "/foo*", "/")
HEADERS = ("x-user", "x-debug")
VALUES = ("alice", "bob", "admin-1", "")
ISSUER = "https://issuer.example.com"
BLOCKS = ("10.1.0.0/16", "10.1.0.1/32", "203.0.113.0/24", "0.0.0.0/0")


class World:
    """Random objects of one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - the same seed must give the same mesh

    def some(self, of, most=2):
        return self.chance.sample(list(of), self.chance.randint(1, min(most, len(of))))

    def source(self):
        kind = self.chance.choice(
            (
                "principals",
                "principals",
                "namespaces",
                "notPrincipals",
                "notNamespaces",
                "serviceAccounts",
                "ipBlocks",
                "requestPrincipals",
                "remoteIpBlocks",
            )
        )
        values = {
            "principals": [principal("web"), principal("desk", "ops"), "*", "*/sa/admin", "cluster.local/ns/shop/*"],
            "notPrincipals": [principal("admin"), "*"],
            "namespaces": ["shop", "ops", "s*", "*", "far"],
            "notNamespaces": ["ops", "sh*p"],
            "serviceAccounts": ["shop/web", "admin", "ops/desk"],
            "ipBlocks": BLOCKS,
            "remoteIpBlocks": BLOCKS,
            "requestPrincipals": ["*", f"{ISSUER}/ann", f"{ISSUER}/*"],
        }[kind]
        return {kind: self.some(values)}

    def operation(self):
        kind = self.chance.choice(("methods", "paths", "hosts", "ports", "notMethods", "notPaths", "paths", "methods"))
        values = {
            "methods": METHODS, "notMethods": METHODS[:3], "paths": PATTERNS, "notPaths": PATTERNS,
            "hosts": ["cart.shop.svc.cluster.local", "*.example.com", "stock*"], "ports": ["8080", "80", "9090"],
        }[kind]  # fmt: skip
        return {kind: self.some(values)}

    def condition(self):
        key, values = self.chance.choice((
            ("request.headers[x-user]", ["alice", "adm*", "*"]), ("request.headers[x-debug]", ["1", "*"]),
            ("request.auth.claims[groups]", ["admins", "dev*"]), ("destination.port", ["8080", "80"]),
            ("source.namespace", ["shop", "ops"]), ("connection.sni", ["db.example.com"]),
        ))  # fmt: skip
        return {"key": key, self.chance.choice(("values", "values", "notValues")): self.some(values)}

    def rule(self):
        rule = {}
        if self.chance.random() < 0.6:
            rule["from"] = [
                {"source": {**self.source(), **(self.source() if self.chance.random() < 0.2 else {})}}
                for _ in range(self.chance.choice((1, 1, 2)))
            ]
        if self.chance.random() < 0.6:
            rule["to"] = [
                {"operation": {**self.operation(), **(self.operation() if self.chance.random() < 0.3 else {})}}
                for _ in range(self.chance.choice((1, 1, 2)))
            ]
        if self.chance.random() < 0.3:
            rule["when"] = [self.condition()]
        return rule

    def policy(self, number):
        action = self.chance.choice(("ALLOW", "ALLOW", "DENY"))
        where = self.chance.choice(("app", "app", "service", "service", "space", "root", "gateway"))
        app, space = self.chance.choice((("cart", "shop"), ("stock", "ops")))
        rules = [self.rule() for _ in range(self.chance.choice((0, 1, 1, 2)))]
        how = {
            "app": {"app": app},
            "service": {"service": app},
            "gateway": {"gateway": "waypoint"},
            "space": {},
            "root": {},
        }[where]
        return policy(f"p{number}", *rules, action=action, space="istio-system" if where == "root" else space, **how)

    def tokens(self):
        rules = [{"issuer": ISSUER, **({"audiences": ["shop"]} if self.chance.random() < 0.3 else {})}]
        where = self.chance.choice(
            (
                {"selector": {"matchLabels": {"app": "cart"}}},
                {"targetRefs": [{"kind": "Service", "group": "", "name": "cart"}]},
            )
        )
        return m.o.istio("RequestAuthentication", "tokens", "shop", {"jwtRules": rules, **where})

    def route(self):
        def to(host, **more):
            return {"route": [{"destination": {"host": host}}], **more}

        match = self.chance.choice((
            {"uri": {"prefix": "/foo"}}, {"uri": {"exact": "/api/v2"}}, {"uri": {"regex": "/a/[a-z]+/c"}},
            {"headers": {"x-user": {"exact": "alice"}}}, {"method": {"exact": "POST"}}, {"uri": {"prefix": "/api"}, "headers": {"x-debug": {}}},
            {"queryParams": {"v": {"exact": "2"}}}, {"sourceLabels": {"app": "web"}},
        ))  # fmt: skip
        more = {"match": [match]}
        if self.chance.random() < 0.4 and "uri" in match and "prefix" in match["uri"]:
            more["rewrite"] = {"uri": self.chance.choice(("/", "/admin", "/api/"))}
        elif self.chance.random() < 0.2:
            more["headers"] = {"request": {"set": {"x-user": "bob"}}}
        other = "stock.ops.svc.cluster.local"
        host = self.chance.choice(("cart", "cart.shop.svc.cluster.local"))
        spec = {
            "hosts": [host],
            "http": [to(self.chance.choice((other, "cart.shop.svc.cluster.local")), **more), to(host)],
        }
        return m.o.istio(
            "VirtualService",
            "route",
            self.chance.choice(("shop", "shop", "ops")),
            {**spec, "hosts": ["cart.shop.svc.cluster.local"]},
        )

    def network(self):
        peers_of = [
            {"podSelector": {"matchLabels": {"app": "web"}}},
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ops"}}},
        ]
        spec = {
            "podSelector": {"matchLabels": {"app": "cart"}},
            "ingress": [{"from": [self.chance.choice(peers_of)], "ports": [{"port": 8080}]}],
        }
        return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "shop"), spec=spec)

    def mesh(self):
        """Objects by the part of the world that they are."""
        bound = self.chance.random() < 0.4
        parts = {
            "modes": {name: self.chance.choice(MODES) for name, _ in WORKLOADS},
            "bound": {"cart": bound, "stock": bound and self.chance.random() < 0.5},
            "protocol": self.chance.choice(("http", "http", "tcp", "")),
            "policies": [self.policy(number) for number in range(self.chance.choice((0, 1, 2, 3)))],
            "more": [],
        }
        for chance, make in ((0.2, self.tokens), (0.3, self.route), (0.1, self.network)):
            if self.chance.random() < chance:
                parts["more"].append(make())
        if self.chance.random() < 0.4:
            parts["more"].append(
                peers(
                    self.chance.choice(("STRICT", "PERMISSIVE", "DISABLE")),
                    self.chance.choice(("istio-system", "shop")),
                )
            )
        if self.chance.random() < 0.1:
            parts["more"].append(mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}))
        return parts

    def changed(self, parts):
        """A mesh that differs in a few things, or in nothing."""
        found = copy.deepcopy(parts)
        for _ in range(self.chance.choice((0, 1, 1, 2, 3))):
            what = self.chance.choice(("mode", "all ambient", "bound", "policy", "drop", "more", "order"))
            if what == "mode":
                found["modes"][self.chance.choice(WORKLOADS)[0]] = self.chance.choice(MODES)
            elif what == "all ambient":
                found["modes"] = dict.fromkeys(found["modes"], "ambient")
            elif what == "bound":
                found["bound"]["cart"] = not found["bound"]["cart"]
            elif what == "policy":
                found["policies"].append(self.policy(len(found["policies"]) + 5))
            elif what == "drop" and found["policies"]:
                found["policies"].pop()
            elif what == "more":
                found["more"] = found["more"][1:]
            elif what == "order":
                found["policies"] = [
                    {**each, "metadata": {**each["metadata"], "name": f"z{number}"}}
                    for number, each in enumerate(reversed(found["policies"]))
                ]
        return found

    def guarded(self):
        """The same, with two policies more."""
        parts = self.mesh()
        parts["policies"] += [self.policy(8), self.policy(9)]
        return parts

    @staticmethod
    def objects(parts):
        found = []
        for number, (name, space) in enumerate(WORKLOADS, 1):
            found += pods(name, parts["modes"][name], space, ip=f"10.1.0.{number}")
        for name, space in WORKLOADS[3:5]:
            labels = {"istio.io/use-waypoint": "waypoint"} if parts["bound"][name] else None
            found.append(service(name, space, protocol=parts["protocol"] if name == "stock" else "http", labels=labels))
        found.append(service("cart-debug", "shop", port=81, selector={"app": "cart"}))
        if any(parts["bound"].values()):
            found += [*waypoint("waypoint", "shop"), *waypoint("waypoint", "ops")]
        return [*found, *parts["policies"], *parts["more"]]

    def payload(self):
        """Anything that may be sent."""
        if self.chance.random() < 0.15:
            return self.chance.choice(
                (Tcp(), Tcp(server_first=True), Tcp(sni="db.example.com"), Tcp(sni="www.example.com"))
            )
        path = self.chance.choice(PATHS) + self.chance.choice(("", "", "/", "x", "/internal", "?v=2", "/admin"))
        headers = {name: self.chance.choice(VALUES) for name in HEADERS if self.chance.random() < 0.4}
        if self.chance.random() < 0.1:
            headers |= {"origin": "https://a.example", "access-control-request-method": "GET"}
        if self.chance.random() < 0.1:
            headers["x-forwarded-for"] = self.chance.choice(("10.1.0.1", "203.0.113.9", "8.8.8.8"))
        token = self.chance.choice(("none", "none", "valid", "invalid", "valid"))
        claims = {
            "iss": self.chance.choice((ISSUER, "https://other.example")),
            "sub": self.chance.choice(("ann", "ben")),
        }
        if self.chance.random() < 0.5:
            claims["groups"] = self.chance.choice(("admins", ["developers", "x"], ["admins", "dev"], "none"))
        if self.chance.random() < 0.5:
            claims["aud"] = self.chance.choice(("shop", ["shop", "other"], "other"))
        host = self.chance.choice(("", "", "", "www.example.com", "stock.ops"))
        return get(
            path,
            self.chance.choice(METHODS),
            host=host,
            token=token,
            claims=claims if token == "valid" else None,
            **headers,
        )
