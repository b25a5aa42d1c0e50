# SPDX-License-Identifier: Apache-2.0
"""The one place for figures: measures, prints, and with --write puts them into the documentation.

The short form is for CI: it counts (requests, connections, handshakes, and what the simulation says, which is the same
on every machine), and holds no time that a machine needed against a bound.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

import figures
import request_costs

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tools" / "cluster"))
DOCUMENTATION = ROOT / "Sources" / "ScalerOCIHPC" / "Documentation.docc"
SECTIONS = ("requests", "managers", "figures", "curves")
SHORT_SECTIONS = ("requests", "figures")


def put(section: str, text: str) -> None:
    """Puts a text between the marks of its section in the documentation."""
    path = DOCUMENTATION / "Performance.md"
    before, start, rest = path.read_text().partition(f"<!-- bench {section} -->\n")
    _, end, after = rest.partition(f"<!-- /bench {section} -->")
    if not start or not end:
        raise RuntimeError(f"{path} has no <!-- bench {section} --> ... <!-- /bench {section} -->")
    path.write_text(f"{before}{start}{text}\n{end}{after}")


def managers_text(options: argparse.Namespace) -> tuple[str, list[str]]:
    import managers

    return managers.measure_all(options.backend, options.tasks), []


def curves_text(options: argparse.Namespace) -> tuple[str, list[str]]:
    import curves

    together, queued = curves.together(), curves.queued()
    if options.write:
        curves.draw(DOCUMENTATION / "curves.svg", together, queued)
    text = curves.together_table(together) + "\n\n" + curves.queued_table(queued)
    return f"{text}\n\nRun on {date.today().isoformat()}.", []


def text_of(section: str, options: argparse.Namespace) -> tuple[str, list[str]]:
    """What a section has to say, and what is wrong."""
    if section == "requests":
        return request_costs.measure_all(options.short, options.rounds)
    if section == "figures":
        return figures.count_all()
    return managers_text(options) if section == "managers" else curves_text(options)


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="what CI runs: counts, and a few requests of each kind")
    parser.add_argument("--only", choices=SECTIONS, help="one section of them")
    parser.add_argument("--backend", choices=("zmq", "ymq"), default="zmq", help="the scheduler's transport (managers)")
    parser.add_argument("--tasks", type=int, nargs="*", metavar="N", help="other numbers of tasks (managers)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of each client (requests)")
    parser.add_argument("--write", action="store_true", help="put tables and pictures into the documentation")
    options = parser.parse_args()
    sections = [options.only] if options.only else list(SHORT_SECTIONS if options.short else SECTIONS)
    failures: list[str] = []
    for section in sections:
        text, wrong = text_of(section, options)
        print(f"\n{section}\n\n{text}", flush=True)
        failures += wrong
        if options.write:
            put(section, text)
    for line in failures:
        print(f"error: {line}", file=sys.stderr)
    print(f"{len(sections)} kinds of figures, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
