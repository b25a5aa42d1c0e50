// SPDX-License-Identifier: Apache-2.0
import Encodings
import Foundation
import Testing

/// Bytes recorded from Python 3.11, cloudpickle 3.1.2 and Scaler 2.9.0; each entry says what it is.
struct PickleVector: Decodable, CustomTestStringConvertible {
    struct Fields: Decodable {
        var upstreamTreatsAsError: Bool?
        var error: Bool?
        var message: String?
        var tracebackChars: Int?
        var type: String?
        var args: [String]?
        var durationSeconds: Float?
        var memoryPeak: UInt64?
        var processorSeconds: Float?

        enum CodingKeys: String, CodingKey {
            case upstreamTreatsAsError = "upstream_treats_as_error"
            case error, message, type, args
            case tracebackChars = "traceback_chars"
            case durationSeconds = "duration_s"
            case memoryPeak = "memory_peak"
            case processorSeconds = "cpu_time_s"
        }
    }

    let name: String
    let kind: String
    let fields: Fields
    let hex: String

    var testDescription: String { name }

    var bytes: [UInt8] {
        get throws { try #require(Hexadecimal.decode(hex)) }
    }

    /// All entries whose name starts with one of `prefixes`; there is at least one for each.
    static func named(_ prefixes: String...) -> [PickleVector] {
        prefixes.flatMap { prefix in
            let found = all.filter { $0.name.hasPrefix(prefix) }
            precondition(!found.isEmpty, "no vector is named \(prefix)")
            return found
        }
    }

    private static let all: [PickleVector] = {
        guard let url = Bundle.module.url(forResource: "Vectors/pickles", withExtension: "json"),
            let vectors = try? JSONDecoder().decode([PickleVector].self, from: Data(contentsOf: url))
        else { preconditionFailure("the vectors are missing or damaged") }
        return vectors
    }()
}
