// SPDX-License-Identifier: Apache-2.0

import Tasks
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

    @Test func `a histogram has its buckets, each with the smaller ones, then sum and count`() {
        var histogram = Histogram()
        histogram.add(0.25)
        histogram.add(9000)
        let family = MetricFamily(.histogram, "h", "H.", MetricFamily.samples(of: histogram, [("k", "v")]))
        let lines = MetricsFormat.prometheus.page([family]).split(separator: "\n")
        #expect(lines[1] == "# TYPE h histogram")
        #expect(lines[2] == #"h_bucket{k="v",le="0.1"} 0"#)
        #expect(lines[3] == #"h_bucket{k="v",le="0.5"} 1"#)
        #expect(
            lines.suffix(3) == [
                #"h_bucket{k="v",le="+Inf"} 2"#, #"h_sum{k="v"} 9000.25"#, #"h_count{k="v"} 2"#,
            ]
        )
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
