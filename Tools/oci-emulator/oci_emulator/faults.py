# SPDX-License-Identifier: Apache-2.0
"""Faults by script: which calls shall fail, how, how often.

One rule is one line, `OPERATION KIND [option=value ...]`:

    CreateContainerInstance 429 share=0.1 retry-after=2
    * 503 every=10
    GetObject truncate calls=3,5
    PutObject reset-after first=2 by=resource
    * outage from=5 for=20
    Container pull-failure share=0.05

OPERATION is a name of Oracle's API (`*` and `?` work), or `Container` for what happens to containers
themselves. The first rule that applies to a call is the one that is carried out.

Which calls (all given must hold): `over` n (those beyond n a second, as throttling works), `share` 0..1,
`every` nth, `first` n, `calls` numbers, `from` and `for` seconds since the rule was set, `by`
user|resource|instance, `times` at most.

Nothing here is random beyond the seed: the nth call that a rule looks at is judged by the seed, the rule and
n alone, so a run can be repeated.
"""

from __future__ import annotations

import fnmatch
import random
import time
from dataclasses import dataclass, field

# Kinds, with what they do. Three digits stand for that status.
REQUEST_KINDS = {
    "capacity": "500 'Out of host capacity.' (or late, as the switch capacity-where says)",
    "capacity-late": "the create is accepted; its work request and instance fail for want of capacity",
    "limit": "400 LimitExceeded",
    "limit-late": "the create is accepted; its work request fails with LimitExceeded",
    "quota": "400 QuotaExceeded",
    "proxy": "502 with a page of HTML, as from a load balancer",
    "unauthenticated": "401 NotAuthenticated in spite of a good signature",
    "reset-before": "the connection is reset before the work is done",
    "reset-after": "the connection is reset after the work was done",
    "stall": "nothing happens for `seconds` (default: an hour), then the work is done",
    "stall-after": "the work is done at once, the answer comes `seconds` later",
    "delay": "the call takes `seconds` longer (default 1)",
    "truncate": "the body ends halfway, the connection is closed",
    "corrupt": "one byte of the body is changed",
    "slow": "the body comes at `bytes` a second (default 1000)",
    "skew": "the server's clock is `seconds` ahead (default 600; negative: behind)",
    "outage": "every connection is refused, also those that are open",
}
CONTAINER_KINDS = {
    "pull-failure": "the image cannot be pulled: the instance turns FAILED",
    "stuck": "CREATING for `seconds` (default: an hour)",
    "kill": "the process is killed `seconds` (default 0.1) after its start, as by the OOM killer: exit code 137",
    "vanish": "the record is gone `seconds` (default 0.1) after the start, without a DELETED phase",
}
SELECTORS = ("over", "share", "every", "first", "calls", "from", "for", "by", "times")
OPTIONS = ("seconds", "bytes", "retry-after", "code", "message")
STATUS_CODES = {
    400: "InvalidParameter",
    401: "NotAuthenticated",
    403: "NotAuthorized",
    404: "NotAuthorizedOrNotFound",
    409: "IncorrectState",
    412: "NoEtagMatch",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


@dataclass
class Rule:
    text: str
    operation: str
    kind: str
    options: dict[str, str]
    number: int
    seed: int
    set_at: float = field(default_factory=time.monotonic)
    seen: int = 0
    done: int = 0
    tokens: float | None = None  # what is left of this second's allowance, for `over`
    refilled_at: float = 0.0

    def seconds(self, default: float) -> float:
        return float(self.options.get("seconds", default))

    @property
    def status(self) -> int | None:
        return int(self.kind) if self.kind.isdigit() else None

    def is_in_window(self) -> bool:
        age = time.monotonic() - self.set_at
        begins = float(self.options.get("from", 0))
        return begins <= age and ("for" not in self.options or age < begins + float(self.options["for"]))

    def _is_allowed(self, rate: float) -> bool:
        """A token bucket that holds one second's worth of calls."""
        now = time.monotonic()
        if self.tokens is None:
            self.tokens, self.refilled_at = max(1.0, rate), now
        self.tokens = min(max(1.0, rate), self.tokens + (now - self.refilled_at) * rate)
        self.refilled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def _drawn(self) -> float:
        """A number for this call alone, the same in every run of the seed."""
        return random.Random(f"{self.seed}/{self.number}/{self.seen}").random()

    def applies(self, operation: str, caller: str) -> bool:
        """Whether this call is one of ours; counts the call."""
        options = self.options
        if not fnmatch.fnmatchcase(operation, self.operation) or options.get("by", caller) != caller:
            return False
        if not self.is_in_window():
            return False
        self.seen += 1
        if "over" in options and self._is_allowed(float(options["over"])):
            return False
        if "share" in options and self._drawn() >= float(options["share"]):
            return False
        if "every" in options and self.seen % int(options["every"]) != 0:
            return False
        if "first" in options and self.seen > int(options["first"]):
            return False
        if "calls" in options and str(self.seen) not in options["calls"].split(","):
            return False
        if "times" in options and self.done >= int(options["times"]):
            return False
        self.done += 1
        return True


def parse_rule(text: str, number: int, seed: int) -> Rule:
    """Read one rule; raises ValueError with one clear line."""
    words = text.split(" ") if "message=" not in text else text.split(" message=", maxsplit=1)[0].split(" ")
    words = [word for word in words if word]
    if len(words) < 2:
        raise ValueError(f"fault '{text}': expected OPERATION KIND [option=value ...]")
    operation, kind = words[0], words[1]
    kinds = CONTAINER_KINDS if operation == "Container" else REQUEST_KINDS
    is_status = len(kind) == 3 and kind.isdigit() and 400 <= int(kind) <= 599 and operation != "Container"
    if kind not in kinds and not is_status:
        raise ValueError(f"fault '{text}': unknown kind '{kind}'; there are: {', '.join(kinds)}, and statuses")
    options: dict[str, str] = {}
    for word in words[2:]:
        name, _, value = word.partition("=")
        if name not in SELECTORS + OPTIONS or not value:
            raise ValueError(f"fault '{text}': unknown option '{word}'")
        options[name] = value
    if "message=" in text:
        options["message"] = text.split(" message=", 1)[1]
    for name in ("over", "share", "every", "first", "from", "for", "times", "seconds", "bytes"):
        if name in options:
            try:
                valid = float(options[name]) > 0 or name in ("share", "first", "from", "seconds")
            except ValueError:
                valid = False
            if not valid:
                raise ValueError(f"fault '{text}': {name} is no usable number")
    return Rule(text, operation, kind, options, number, seed)


class Faults:
    """The rules in force, in order."""

    def __init__(self, rules: list[str], seed: int) -> None:
        self.seed = seed
        self._count = 0
        self.rules: list[Rule] = []
        self.add(rules)

    def add(self, texts: list[str]) -> None:
        """Append rules; all or none, so that a typing error changes nothing."""
        made = [parse_rule(text, self._count + offset, self.seed) for offset, text in enumerate(texts)]
        self._count += len(made)
        self.rules += made

    def clear(self) -> None:
        self.rules.clear()

    def choose(self, operation: str, caller: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.applies(operation, caller)), None)

    def view(self) -> list[dict[str, object]]:
        return [{"rule": rule.text, "calls": rule.seen, "carried_out": rule.done} for rule in self.rules]


def read_rules(text: str) -> list[str]:
    """The rules of a file: one a line, `#` starts a comment line."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
