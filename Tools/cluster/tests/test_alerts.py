# SPDX-License-Identifier: Apache-2.0
"""The alerts and the dashboard that packages install: they fire when they should, and ask for what is served."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGING = ROOT / "Tools" / "packaging"
PROMTOOL = ROOT / ".build" / "tools" / "promtool"
OPERATING = ROOT / "Sources" / "ScalerOCIHPC" / "Documentation.docc" / "Operating.md"
METRIC = r"\b(?:scaler_oci|process)_\w+"


def served() -> set[str]:
    """The series that Operating names; a test of the documentation holds that these are what is served."""
    rows = re.findall(rf"(?m)^\| ((?:`{METRIC}`(?:, )?)+) \| (\w+) \|", OPERATING.read_text())
    names = {(name, kind) for cell, kind in rows for name in re.findall(METRIC, cell)}
    parts = {f"{name}_{part}" for name, kind in names if kind in ("histogram", "summary") for part in ("sum", "count")}
    return {name for name, _ in names} | parts | {f"{name}_bucket" for name, kind in names if kind == "histogram"}


def promtool(*arguments: str) -> str:
    command = [str(PROMTOOL), *arguments]
    return subprocess.run(command, check=True, cwd=PACKAGING, capture_output=True, text=True, timeout=60).stdout


class Alerts(unittest.TestCase):
    def test_the_rules_are_in_order(self) -> None:
        self.assertIn("SUCCESS", promtool("check", "rules", "alerts.yml"))

    def test_each_fires_when_it_should(self) -> None:
        self.assertIn("SUCCESS", promtool("test", "rules", "alerts-test.yml"))

    def test_each_is_tested(self) -> None:
        alerts = set(re.findall(r"alert: (\w+)", (PACKAGING / "alerts.yml").read_text()))
        fired = re.findall(r"alertname: (\w+)\n +exp_alerts:\n", (PACKAGING / "alerts-test.yml").read_text())
        self.assertEqual(alerts, set(fired))

    def test_what_they_ask_for_is_served(self) -> None:
        asked = set(re.findall(METRIC, (PACKAGING / "alerts.yml").read_text()))
        self.assertGreater(len(asked), 8)
        self.assertLessEqual(asked, served())


class Dashboard(unittest.TestCase):
    def setUp(self) -> None:
        self.dashboard = json.loads((PACKAGING / "dashboard.json").read_text())

    def queries(self) -> list[str]:
        panels = self.dashboard["panels"]
        return [target["expr"] for panel in panels for target in panel.get("targets", [])]

    def test_each_query_is_in_order(self) -> None:
        # What promtool reads are rules; each query becomes one.
        queries = [query.replace("$manager", ".*").replace("$__rate_interval", "5m") for query in self.queries()]
        rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "rules.yml"
            # JSON is YAML.
            path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
            self.assertIn(f"SUCCESS: {len(rules)} rules found", promtool("check", "rules", str(path)))

    def test_what_it_asks_for_is_served(self) -> None:
        asked = {name for query in self.queries() for name in re.findall(METRIC, query)}
        self.assertGreater(len(asked), 12)
        self.assertLessEqual(asked, served())

    def test_no_two_panels_lie_on_each_other(self) -> None:
        taken: set[tuple[int, int]] = set()
        for panel in self.dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells


if __name__ == "__main__":
    unittest.main()
