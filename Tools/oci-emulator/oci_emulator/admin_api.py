# SPDX-License-Identifier: Apache-2.0
"""The emulator's own endpoint: faults while it runs, the report, and the end of everything that runs.

It is on the plain HTTP port beside the metadata service, so that it works during an outage and needs no
signature. It listens on loopback only, like everything here by default.
"""

from __future__ import annotations

from oci_emulator import report
from oci_emulator.calls import Answer, Call, Operation, invalid
from oci_emulator.faults import Faults
from oci_emulator.journal import Journal
from oci_emulator.listing_lag import ListingLag
from oci_emulator.object_api import json_body


class AdminService:
    def __init__(self, faults: Faults, journal: Journal, listing_lag: ListingLag) -> None:
        self.faults = faults
        self.journal = journal
        self.listing_lag = listing_lag

    async def list_faults(self, call: Call) -> Answer:
        return Answer(self.faults.view())

    async def set_faults(self, call: Call) -> Answer:
        """POST adds, PUT replaces: `{"faults": ["OPERATION KIND ...", ...]}`."""
        rules = json_body(call).get("faults")
        if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
            raise invalid('The body must be {"faults": ["OPERATION KIND ...", ...]}.')
        before = list(self.faults.rules)
        if call.method == "PUT":
            self.faults.clear()
        try:
            self.faults.add(rules)
        except ValueError as error:
            self.faults.rules[:] = before
            raise invalid(str(error)) from None
        return Answer(self.faults.view())

    async def clear_faults(self, call: Call) -> Answer:
        self.faults.clear()
        return Answer([])

    async def set_listing_lag(self, call: Call) -> Answer:
        """`{"seconds": X}`: from now on listings of instances show the past of up to X seconds ago."""
        seconds = json_body(call).get("seconds")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
            raise invalid('The body must be {"seconds": X}, X being 0 or more.')
        self.listing_lag.set_seconds(seconds)
        return Answer({"seconds": seconds})

    async def get_report(self, call: Call) -> Answer:
        summary = self.journal.tally.summary()
        if call.query.get("format") == "text":
            return Answer(report.text(summary).encode() + b"\n", headers={"content-type": "text/plain"})
        return Answer(summary)

    def operations(self) -> list[Operation]:
        return [
            Operation("EmulatorListFaults", "GET", "/emulator/faults", self.list_faults, access="open"),
            Operation("EmulatorAddFaults", "POST", "/emulator/faults", self.set_faults, access="open"),
            Operation("EmulatorReplaceFaults", "PUT", "/emulator/faults", self.set_faults, access="open"),
            Operation("EmulatorClearFaults", "DELETE", "/emulator/faults", self.clear_faults, access="open"),
            Operation("EmulatorListingLag", "PUT", "/emulator/listing-lag", self.set_listing_lag, access="open"),
            Operation("EmulatorReport", "GET", "/emulator/report", self.get_report, access="open"),
        ]
