# SPDX-License-Identifier: Apache-2.0
"""Makes the documentation's table of every kind of task from what the end-to-end tests noted.

    python Tools/cluster/kinds_table.py RECORD       prints the table
    python Tools/cluster/kinds_table.py RECORD FILE  puts it between the file's marks

RECORD holds one JSON object a line: kind, test, version, backend, passed (Tests/EndToEnd/kinds.py).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

DOCUMENTATION = Path(__file__).resolve().parents[2] / "Sources" / "ScalerOCIHPC" / "Documentation.docc"
BEGIN, END = "<!-- kinds -->", "<!-- /kinds -->"
NAMES = {"zmq": "ZeroMQ", "ymq": "YMQ"}


def read(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()]


def cell(outcomes: list[dict[str, Any]]) -> str:
    """Over which transports all tests of a kind passed; those where one failed are named too."""
    verdicts = {}
    for name, word in NAMES.items():
        passed = [outcome["passed"] for outcome in outcomes if outcome["backend"] == name]
        if passed:
            verdicts[word] = all(passed)
    if not verdicts:
        return ""
    if len(verdicts) == len(NAMES) and len(set(verdicts.values())) == 1:
        return "both" if verdicts["YMQ"] else "**neither**"
    return ", ".join(word if passed else f"**not {word}**" for word, passed in verdicts.items())


def table(outcomes: list[dict[str, Any]]) -> str:
    """A row a kind, in the order in which the tests ran over one transport; a column a release, the oldest first."""
    in_order = sorted(outcomes, key=lambda outcome: list(NAMES).index(outcome["backend"]))
    kinds = list(dict.fromkeys(outcome["kind"] for outcome in in_order))
    versions = sorted({outcome["version"] for outcome in outcomes}, key=lambda text: [int(n) for n in text.split(".")])
    lines = ["| kind of task | " + " | ".join(versions) + " |", "|---" * (len(versions) + 1) + "|"]
    for kind in kinds:
        mine = [outcome for outcome in outcomes if outcome["kind"] == kind]
        cells = [cell([outcome for outcome in mine if outcome["version"] == version]) for version in versions]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def put(text: str, document: Path, begin: str = BEGIN, end: str = END) -> None:
    """Replaces what stands between the marks of `document`."""
    old = document.read_text()
    pattern = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    new, count = pattern.subn(lambda _: text, old)
    if count != 1:
        raise ValueError(f"{document} must hold {begin} and {end} once, each on a line of its own")
    if new != old:
        document.write_text(new)


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    text = table(read(Path(sys.argv[1])))
    if len(sys.argv) == 3:
        put(text, Path(sys.argv[2]))
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
