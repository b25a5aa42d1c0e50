// SPDX-License-Identifier: Apache-2.0

internal import Tasks

/// All samples of one name, as a line of help, a type and the values; pure.
struct MetricFamily: Equatable {
    /// What a value is (Prometheus, "Metric types").
    enum Kind: String {
        case counter, gauge, histogram, summary
    }

    /// One value and its labels, in the order in which they are written.
    struct Sample: Equatable {
        /// What follows the family's name in this sample's; of a histogram alone.
        var suffix = ""
        let labels: [(name: String, value: String)]
        let value: String

        init(_ labels: [(name: String, value: String)] = [], _ value: some CustomStringConvertible) {
            self.labels = labels
            self.value = "\(value)"
        }

        static func == (left: Sample, right: Sample) -> Bool {
            left.value == right.value && left.suffix == right.suffix
                && left.labels.elementsEqual(right.labels, by: ==)
        }
    }

    /// With `_total` at its end for a counter.
    let name: String
    let kind: Kind
    /// One sentence.
    let help: String
    let samples: [Sample]

    init(_ kind: Kind, _ name: String, _ help: String, _ samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }
}

extension MetricFamily {
    /// The samples of one histogram: its buckets, which hold the smaller ones, then sum and count.
    static func samples(of histogram: Histogram, _ labels: [(name: String, value: String)]) -> [Sample] {
        func sample(
            _ suffix: String,
            _ more: [(name: String, value: String)],
            _ value: some CustomStringConvertible
        )
            -> Sample
        {
            var sample = Sample(labels + more, value)
            sample.suffix = suffix
            return sample
        }
        let counts = histogram.cumulative
        let bounds = Histogram.bounds.map { "\($0)" } + ["+Inf"]
        return zip(bounds, counts).map { sample("_bucket", [("le", $0)], $1) }
            + [sample("_sum", [], histogram.sum), sample("_count", [], counts[counts.count - 1])]
    }
}

extension MetricFamily {
    /// The samples of a summary without quantiles.
    static func samples(
        ofSum time: (seconds: Double, count: Int),
        _ labels: [(name: String, value: String)]
    ) -> [Sample] {
        var (sum, count) = (Sample(labels, time.seconds), Sample(labels, time.count))
        sum.suffix = "_sum"
        count.suffix = "_count"
        return [sum, count]
    }
}

/// How a page of metrics is written.
enum MetricsFormat {
    /// Prometheus' text format, version 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.0: the name of a counter's family lacks `_total`, and the page has an end.
    case openMetrics

    /// The one that a scraper prefers, by its `Accept` without blanks (RFC 9110 section 12.5.1): OpenMetrics where that is named with no
    /// smaller weight than the other.
    init(accept: String) {
        let weights = accept.split(separator: ",").map(Self.weight)
        func best(_ types: Set<String>) -> Double {
            weights.filter { types.contains($0.type) }.map(\.q).max() ?? 0
        }
        let openMetrics = best(["application/openmetrics-text"])
        self = openMetrics > 0 && openMetrics >= best(["text/plain"]) ? .openMetrics : .prometheus
    }

    private static func weight(_ range: Substring) -> (type: String, q: Double) {
        let parts = range.split(separator: ";").map { $0.lowercased() }
        let q = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
        return (parts.first ?? "", q)
    }

    var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// The page of all families, each of which has a name of its own.
    func page(_ families: [MetricFamily]) -> String {
        var page = ""
        for family in families {
            let isCounter = family.kind == .counter && self == .openMetrics
            let name =
                isCounter && family.name.hasSuffix("_total") ? String(family.name.dropLast(6)) : family.name
            page += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind.rawValue)\n"
            for sample in family.samples {
                let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
                page += "\(family.name)\(sample.suffix)"
                if !labels.isEmpty { page += "{\(labels.joined(separator: ","))}" }
                page += " \(sample.value)\n"
            }
        }
        return self == .openMetrics ? page + "# EOF\n" : page
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
    }
}
