"""The requests of a pair of programs that are worth asking: path first, then method, then all the rest.

Each choice is put into the programs before the next is made: rules that cannot match any more are gone, and with them
what they look at; where nothing is left that differs, nothing needs to be asked. So hundreds of rules do not multiply.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.prove.asked import Asked, Condition, Languages, conditions, of_matcher
from sidestep.prove.choices import Choices, choices, paths_of
from sidestep.prove.expressions import Undecidable
from sidestep.prove.languages import Language, disjoint, representatives, usual_methods
from sidestep.prove.programs import Line, Program
from sidestep.prove.residual import Clauses, Residual, given
from sidestep.prove.texts import Texts
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.authorization.policy import Attribute
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.requests import Http


class Scene(Struct, frozen=True):
    """What is searched.

    Attributes:
        programs: of both meshes, and of other ways to the same pods in the first.
        conditions: by which routes tell requests apart.
        rewrites: beginnings of paths that routes replace.
        appended: headers to which routes add a value.
        modes: how paths are normalised.
        like: a request of the class of routes that is searched; None for all.
        untidy: whether it counts what proxies make of paths.
    """

    programs: tuple[Program, ...]
    conditions: frozenset[Condition]
    rewrites: frozenset[tuple[str, str]]
    appended: frozenset[str]
    modes: tuple[PathNormalisation, PathNormalisation]
    like: Http | None = None
    untidy: bool = False

    @property
    def asked(self) -> Asked:
        """Everything that looks at a request."""
        gates = [gate for program in self.programs for gate in program.gates]
        return Asked(
            frozenset(gate.policies for gate in gates),
            frozenset(gate.tokens for gate in gates if gate.tokens.rules or gate.tokens.unreadable),
            self.conditions,
            self.rewrites,
            self.appended,
        )

    @property
    def settled(self) -> bool:
        """Whether both meshes do the same from here on."""
        return not self.untidy and self.programs[0] == self.programs[1]

    def at(self, path: str) -> "Scene":
        """With the path of the request known, as each mesh reads it."""
        read = tuple(normalise(path, mode) for mode in self.modes)
        return replace(
            self,
            programs=tuple(
                _given(program, Attribute.PATH, read[number == 1]) for number, program in enumerate(self.programs)
            ),
            untidy=self.untidy or read[0] != read[1],
        )

    def by(self, method: str) -> "Scene":
        """With the method known."""
        return replace(self, programs=tuple(_given(each, Attribute.METHOD, method) for each in self.programs))


def found(scene: Scene, budget: int) -> Iterator[tuple[Http, bool]]:
    """Requests, and whether an external authorizer may be asked about each; the plainest first.

    Raises:
        Undecidable: no finite choice stands for all, or there are more than the budget.
    """
    left = budget
    for path in _paths(scene):
        for_path = scene.at(path)
        if for_path.settled:
            continue
        for method in _methods(for_path):
            rest = for_path.by(method)
            if rest.settled:
                continue
            all_of_it = _narrowed(choices(rest.asked, scene.modes[0], fixed=(method, path)), scene)
            left -= all_of_it.size
            if left < 0:
                raise Undecidable(f"the classes of requests are more than the budget of {budget:,}")
            for http in all_of_it.requests():
                yield http, all_of_it.custom


def everything(scene: Scene) -> Choices:
    """All requests at once, whether anything of them differs or not.

    Raises:
        Undecidable: no finite choice stands for all.
    """
    told = choices(scene.asked, scene.modes[0])
    paths, methods = dict.fromkeys(_paths(scene)), dict.fromkeys(_methods(scene))
    return _narrowed(replace(told, paths=tuple(paths), methods=tuple(methods)), scene)


def _paths(scene: Scene) -> Iterator[str]:
    """One path for each class, of the class of routes that is searched."""
    wanted = conditions(scene.asked).texts["path"]
    found: dict[str, None] = {"/": None}
    for mode in dict.fromkeys(scene.modes):
        try:
            told = representatives(wanted, Texts.PATH, mode)
        except Undecidable:
            within = _region(scene)
            if not within:
                raise
            told = tuple(text for each in sorted(within, key=repr) for text in _inside(each, wanted, mode))
        found.update(dict.fromkeys(told))
    if scene.untidy:
        found.update(dict.fromkeys(paths_of(scene.untidy)))
    like = scene.like.path.partition("?")[0] if scene.like is not None else ""
    texts = [each.path for each in scene.conditions] if like else []
    return (path for path in found if all(text.matches(path) == text.matches(like) for text in texts))


def _inside(region: Language, wanted: Languages, mode: PathNormalisation) -> tuple[str, ...]:
    """One text for each class within a language; what has no text in common with it tells none apart there."""
    near = frozenset(each for each in wanted if not disjoint(each, region))
    return representatives(near, Texts.PATH, mode, frozenset({region}))


def _methods(scene: Scene) -> Iterator[str]:
    told = conditions(scene.asked)
    found = usual_methods(told.texts["method"])
    names = dict.fromkeys((*found, "OPTIONS") if told.validated else found)
    like = scene.like
    asked = [named for each in scene.conditions for named in each.headers if named.name == ":method"]
    return (
        name
        for name in names
        if like is None or all(each.text.matches(name) == each.text.matches(like.method) for each in asked)
    )


def _narrowed(all_of_it: Choices, scene: Scene) -> Choices:
    """Only what routes treat as a request that is known: each attribute by itself."""
    like = scene.like
    if like is None:
        return all_of_it
    headers = [(named.name, named.text) for each in scene.conditions for named in each.headers if not named.claim]
    queries = [(named.name, named.text) for each in scene.conditions for named in each.queries]
    sent = dict(part.partition("=")[::2] for part in like.path.partition("?")[2].split("&") if part)

    def same(one: str | None, other: str | None, texts: Iterable[object]) -> bool:
        return all(_told(text, one) == _told(text, other) for text in texts)

    return replace(
        all_of_it,
        authorities=(like.authority,),
        headers={
            name: tuple(v for v in values if same(v, like.headers.get(name), [t for n, t in headers if n == name]))
            for name, values in all_of_it.headers.items()
        },
        queries={
            name: tuple(v for v in values if same(v, sent.get(name), [t for n, t in queries if n == name]))
            for name, values in all_of_it.queries.items()
        },
    )


def _told(text: object, value: str | None) -> tuple[bool, bool | None]:
    matches = getattr(text, "matches")  # noqa: B009 - a TextMatch, which is not imported for its name alone
    return value is not None, matches(value or "")


def _given(program: Program, attribute: Attribute, value: str | None) -> Program:
    """A program once an attribute is known; as it is where proxies refuse the value."""
    if value is None:
        return program
    return Program(frozenset((_line(line, attribute, value), share) for line, share in program.lines))


def _line(line: Line, attribute: Attribute, value: str) -> Line:
    gates = []
    for gate in line.gates:
        if gate.view is None and gate.reads:
            gate = replace(gate, policies=given(gate.policies, attribute, value))  # noqa: PLW2901 - the same gate
        gates.append(gate)
    return replace(line, gates=tuple(gates))


def _region(scene: Scene) -> Languages:
    """Where paths of requests lie that differ at all: they match a rule that a gate of only one program has.

    None are told where the programs differ in more than rules, or where a gate sees another path than was sent.
    """
    one, other = (_by_skeleton(program) for program in scene.programs[:2])
    if len(scene.programs) > 2 or scene.modes[0] is not scene.modes[1] or one.keys() != other.keys():
        return frozenset()
    regions = []
    for skeleton, line in one.items():
        for left, right in zip(line.gates, other[skeleton].gates, strict=True):
            apart = set(_named(left.policies)) ^ set(_named(right.policies))
            regions += [_of_rule(rule) if left.view is None else frozenset() for rule in apart]
    return frozenset().union(*regions) if regions and all(regions) else frozenset()


def _by_skeleton(program: Program) -> dict[tuple[Line, float], Line]:
    """Lines by what they are without rules; none where two are alike."""
    found = {(_without_rules(line), share): line for line, share in program.lines}
    return found if len(found) == len(program.lines) else {}


def _without_rules(line: Line) -> Line:
    return replace(line, gates=tuple(replace(gate, policies=_bare(gate.policies)) for gate in line.gates))


def _bare(residual: Residual) -> Residual:
    return Residual(allow=None if residual.allow is None else frozenset(), unreadable=residual.unreadable)


def _named(residual: Residual) -> Iterator[tuple[str, Clauses]]:
    yield from (("deny", rule) for rule in residual.deny)
    yield from (("allow", rule) for rule in residual.allow or ())
    yield from ((f"custom {name}", rule) for name, rule in residual.custom)
    yield from ((f"noted {name}", rule) for name, rule in residual.noted)


def _of_rule(rule: tuple[str, Clauses]) -> Languages:
    """Paths that a rule may match; none told where it matches others too."""
    for clause in rule[1]:
        languages = []
        for part in clause:
            own = [matcher for atom in part if atom.attribute is Attribute.PATH for matcher in atom.one_of]
            if not own:
                break
            languages += [language for matcher in own for language in of_matcher(matcher)]
        else:
            return frozenset(languages)
    return frozenset()
