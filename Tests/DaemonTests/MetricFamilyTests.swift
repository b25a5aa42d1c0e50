// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Daemon

@Suite struct MetricFamilyTests {
    private let families = [
        MetricFamily(.counter, "a_total", "Counted.", [MetricFamily.Sample([("k", "x\"\\\n")], 3)]),
        MetricFamily(.gauge, "b", "Measured.", [MetricFamily.Sample([], 0.5)]),
    ]

    @Test func `the older format names a counter's family as its samples`() {
        #expect(
            MetricsFormat.prometheus.page(families) == """
                # HELP a_total Counted.
                # TYPE a_total counter
                a_total{k="x\\"\\\\\\n"} 3
                # HELP b Measured.
                # TYPE b gauge
                b 0.5

                """
        )
    }

    @Test func `OpenMetrics leaves the ending out of the family's name, and ends the page`() {
        let lines = MetricsFormat.openMetrics.page(families).split(separator: "\n")
        #expect(lines.prefix(2) == ["# HELP a Counted.", "# TYPE a counter"])
        #expect(lines[2].hasPrefix("a_total{"))
        #expect(lines.last == "# EOF")
    }

    @Test(
        arguments: [
            ("", .prometheus), ("*/*", .prometheus), ("text/plain", .prometheus),
            ("application/openmetrics-text", .openMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                .openMetrics
            ),
            ("application/openmetrics-text;q=0.2,text/plain;q=0.9", .prometheus),
            ("application/openmetrics-text;q=0", .prometheus),
            ("Application/OpenMetrics-Text;Q=1", .openMetrics), (";;,,q=,;q=x", .prometheus),
        ] as [(String, MetricsFormat)]
    )
    func `a scraper has the format that it prefers`(_ accept: String, _ format: MetricsFormat) {
        #expect(MetricsFormat(accept: accept) == format)
        #expect(format.contentType.contains(format == .openMetrics ? "version=1.0.0" : "version=0.0.4"))
    }
}
