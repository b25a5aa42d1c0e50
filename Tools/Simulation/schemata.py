# SPDX-License-Identifier: Apache-2.0
"""Many mutants in one program: each function that some of them change holds all its variants, and a number chooses.

This is a mutant schema (Untch, Offutt and Harrold 1993). To build one program takes minutes, and to build one for each
mutant takes hours. A change outside of the body of a function or computed property cannot be chosen at run time.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: The number of the mutant of a process; without it none.
VARIABLE = "SIMULATION_MUTANT"
#: Tells the number, in the program that is built.
CHOOSER = f"""\
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

private let chosen = getenv("{VARIABLE}").map {{ atoi($0) }} ?? 0

/// The number of the mutant that this process is.
@_cdecl("simulation_mutant") public func simulationMutant() -> Int32 {{ chosen }}
"""
CHOOSER_FILE = "Tests/Simulation/Simulate/Mutant.swift"
DECLARED = '\n@_silgen_name("simulation_mutant") private func simulationMutant() -> Int32\n'

WORDS = "package|private|fileprivate|internal|public|static|mutating|nonisolated|final"
HEAD = re.compile(rf"^( *)(?:@\w+(?:\(.*?\))? +|(?:{WORDS}) +)*(func|init|var|deinit)\b")
ACCESSOR = re.compile(r"^\s*(?:get|set|didSet|willSet|_read|_modify)\b")
STATEMENT = re.compile(
    r"^(?:return|throw|if|guard|switch|for|while|do|try\?? await|precondition)\b|^[\w.?!\[\]]+ [-+*/&|]?= "
)


class CannotChoose(Exception):
    """What a mutant changes is not inside of one function's body."""


@dataclass(frozen=True)
class Body:
    """The lines of a body: those from `first` to before `end`; a body on the line of its head is that line."""

    first: int
    end: int
    returns: bool
    is_one_line: bool = False

    def holds(self, first: int, end: int) -> bool:
        return self.first <= first and end <= self.end


def bodies(lines: list[str]) -> Iterator[Body]:
    """The bodies of functions, initializers and computed properties of a file that swift-format has formatted."""
    for at, line in enumerate(lines):
        if (head := HEAD.match(line)) is not None and (body := _body(lines, at, head[1], head[2])) is not None:
            yield body


def _body(lines: list[str], at: int, indent: str, kind: str) -> Body | None:
    for opens in range(at, min(at + 1 if kind == "var" else at + 25, len(lines))):
        line = lines[opens]
        if opens > at and not re.match(rf"^{indent}(?:[){{]|  +\S)", line):
            return None
        text = " ".join(lines[at : opens + 1])
        if kind == "var" and re.search(r" = ", text.split("{")[0]):
            return None
        returns = kind == "var" or "->" in re.split(r"\{(?!.*->)", text)[0]
        if line.endswith("{") and re.match(rf"^{indent}\S", line):
            ends = next(end for end in range(opens, len(lines)) if re.match(rf"^{indent}\}}", lines[end]))
            is_plain = opens + 1 < len(lines) and not ACCESSOR.match(lines[opens + 1])
            return Body(opens + 1, ends, returns) if is_plain else None
        if line.endswith("}") and " { " in line:
            return Body(opens, opens + 1, returns, is_one_line=True)
    return None


@dataclass(frozen=True)
class Change:
    """The body of one function as a mutant has it."""

    body: Body
    lines: tuple[str, ...]


def changes(sound: str, mutated: str) -> list[Change]:
    """What a mutant changes in a file, function by function."""
    old, new = sound.splitlines(), mutated.splitlines()
    found: dict[Body, list[tuple[int, int, int, int]]] = {}
    everything = list(bodies(old))
    for tag, first, end, new_first, new_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        body = next((body for body in everything if body.holds(first, end)), None)
        if body is None:
            raise CannotChoose(f"line {first + 1} is in no body of a function")
        found.setdefault(body, []).append((first, end, new_first, new_end))
    return [Change(body, _changed(old, new, body, parts)) for body, parts in found.items()]


def _changed(old: list[str], new: list[str], body: Body, parts: list[tuple[int, int, int, int]]) -> tuple[str, ...]:
    lines, at = [], body.first
    for first, end, new_first, new_end in parts:
        lines += [*old[at:first], *new[new_first:new_end]]
        at = end
    lines += old[at : body.end]
    if body.is_one_line and (len(lines) != 1 or _split(lines[0])[0] != _split(old[body.first])[0]):
        raise CannotChoose(f"line {body.first + 1} has another head")
    return tuple(lines)


def _split(line: str) -> tuple[str, str]:
    """Head and body of a body on one line."""
    head, _, rest = line.partition(" { ")
    return head + " {", rest.removesuffix("}").rstrip()


def choosing(sound: str, variants: Iterable[tuple[int, Change]]) -> str:
    """A file whose functions choose by number between their variants and what they are."""
    lines = sound.splitlines()
    chosen: dict[Body, list[tuple[int, Change]]] = {}
    for number, change in variants:
        chosen.setdefault(change.body, []).append((number, change))
    for body in sorted(chosen, key=lambda body: -body.first):
        lines[body.first : body.end] = _choice(lines[body.first : body.end], body, chosen[body])
    return "\n".join(lines) + "\n" + DECLARED


def _choice(lines: list[str], body: Body, variants: list[tuple[int, Change]]) -> list[str]:
    result = []
    for number, change in variants:
        result += [f"if simulationMutant() == {number} {{", *_inside(change.lines, body), "} else"]
    result += ["{", *_inside(lines, body), "}"]
    return [_split(lines[0])[0], *result, "}"] if body.is_one_line else result


def _inside(lines: Iterable[str], body: Body) -> list[str]:
    inside = [_split(line)[1] for line in lines] if body.is_one_line else list(lines)
    texts = [line.strip() for line in inside if line.strip() and not line.strip().startswith("//")]
    # A lone expression is what a function returns, but not in all variants of it.
    if body.returns and len(texts) == 1 and not STATEMENT.match(texts[0]):
        return [f"return {texts[0]}"]
    return inside
