# SPDX-License-Identifier: Apache-2.0
"""What the walk through an incident writes down."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from incident import DOCUMENTATION, STEPS, alerts, put, shortened
from processes import StartError


class Incident(unittest.TestCase):
    def test_the_alerts_that_the_numbers_raise_are_told_and_no_others(self) -> None:
        metrics = '# TYPE scaler_oci_access_lost gauge\nscaler_oci_access_lost{manager="m"} 1\n'
        self.assertEqual(alerts(metrics), ["ScalerOCIAccessLost (critical): OCI refuses m what it allowed before"])
        self.assertEqual(alerts('scaler_oci_access_lost{manager="m"} 0\n'), [])

    def test_what_is_another_in_each_run_is_left_out(self) -> None:
        line = "failed: 500 x. (opc-request-id A/B/C); task=0123456789abcdef0123456789abcdef ocid1.subnet.oc1..aaaa"
        self.assertEqual(shortened(line), "failed: 500 x.; task=012345... ocid1.subnet...")

    def test_what_is_between_the_marks_is_replaced(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "page.md"
            page.write_text("a\n<!-- incident b -->\nold\n<!-- /incident b -->\nc\n")
            for text in ("new", "newer"):
                put(text, "b", page)
            self.assertEqual(page.read_text(), "a\n<!-- incident b -->\n\nnewer\n\n<!-- /incident b -->\nc\n")
            with self.assertRaises(StartError):
                put("new", "none", page)

    def test_the_page_has_each_step_with_its_picture_and_what_was_seen(self) -> None:
        page = (DOCUMENTATION / "Incident.md").read_text()
        for name, _, _ in STEPS:
            part = page.partition(f"<!-- incident {name} -->")[2].partition(f"<!-- /incident {name} -->")[0]
            self.assertIn(f"({name}.png)", part)
            self.assertIn("WARNING", part)
            self.assertRegex(part, r"Alerts:\n\n```\nScalerOCI")
            self.assertLess((DOCUMENTATION / f"{name}.png").stat().st_size, 100_000)


if __name__ == "__main__":
    unittest.main()
