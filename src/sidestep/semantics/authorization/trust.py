"""Trust domains that count as one: the mesh's own and its aliases.

Source: istio pilot/pkg/security/trustdomain (bundle). Sidecars and waypoints put a variant for each alias into the
policies they are given; ztunnel gets the policies as they were written (D10).
"""

from msgspec import Struct

from sidestep.semantics.identity import DEFAULT_TRUST_DOMAIN


class Bundle(Struct, frozen=True):
    """The mesh's trust domain first, then its aliases."""

    domains: tuple[str, ...] = (DEFAULT_TRUST_DOMAIN,)

    def principals(self, written: tuple[str, ...]) -> tuple[str, ...]:
        """Principals as policies write them, with a variant for each trust domain that counts as the same."""
        found: list[str] = []
        for principal in written:
            found.extend(self._variants(principal))
        return tuple(found)

    def trust_domains(self, written: tuple[str, ...]) -> tuple[str, ...]:
        """Trust domains, each that the mesh owns replaced by all that it owns."""
        found: list[str] = []
        for domain in written:
            found.extend(self.domains if domain in self.domains else (domain,))
        return tuple(dict.fromkeys(found))

    def _variants(self, principal: str) -> tuple[str, ...]:
        parts = principal.split("/")
        if len(parts) != 5 or parts[0] == "*":
            return (principal,)
        own = any(_matches(known, parts[0]) for known in self.domains) or parts[0] == DEFAULT_TRUST_DOMAIN
        if not own:
            return (principal,)
        rest = "/".join(parts[1:])
        made = (principal if _ends(known, parts[0]) else f"{known}/{rest}" for known in self.domains)
        return tuple(dict.fromkeys(made))


def _matches(domain: str, pattern: str) -> bool:
    """Exact, `*suffix` or `prefix*`."""
    return domain == pattern or _ends(domain, pattern) or (pattern.endswith("*") and domain.startswith(pattern[:-1]))


def _ends(domain: str, pattern: str) -> bool:
    return pattern.startswith("*") and domain.endswith(pattern[1:])
