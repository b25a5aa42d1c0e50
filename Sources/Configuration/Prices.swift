// SPDX-License-Identifier: Apache-2.0

/// What the operator pays for container instances, from `[prices]` of the configuration file.
///
/// Nothing is known without it: list prices change, and few pay them.
///
///     [prices]
///     currency = "USD"
///     "CI.Standard.E4.Flex" = { ocpu_hour = 0.025, gb_hour = 0.0015 }
package struct Prices: Sendable, Equatable {
    /// The prices of one shape, in the currency.
    package struct Rate: Sendable, Equatable {
        /// Of one OCPU for an hour.
        package let ocpuHour: Double
        /// Of one GB of memory for an hour.
        package let gbHour: Double

        /// A rate from its two prices.
        package init(ocpuHour: Double, gbHour: Double) {
            self.ocpuHour = ocpuHour
            self.gbHour = gbHour
        }

        /// What an instance of this size costs an hour.
        package func perHour(ocpus: Double, memoryGB: Double) -> Double {
            ocpus * ocpuHour + memoryGB * gbHour
        }
    }

    private static let section = "prices"
    /// More than anything costs an hour, in any currency.
    private static let priceMax = 1e9

    /// Written behind amounts; empty if the file names none.
    package let currency: String
    /// By shape.
    package let rates: [String: Rate]

    /// Prices from their parts.
    package init(currency: String, rates: [String: Rate]) {
        self.currency = currency
        self.rates = rates
    }

    /// Reads the section `prices` of a file; nil without one.
    ///
    /// Throws the first value that is no price.
    package static func read(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> Prices? {
        guard let node = try ConfigurationFile.table(bytes, path: path)[section] else { return nil }
        var currency = ""
        var rates: [String: Rate] = [:]
        guard case .table(let table) = node.value else { throw fault(node, section, path, "a table") }
        for key in table.keys {
            guard let node = table[key] else { continue }
            let name = "\(section).\(key)"
            switch (key, node.value) {
            case ("currency", .string(let text)): currency = text
            case ("currency", _): throw fault(node, name, path, "a string such as \"USD\"")
            case (_, .table(let prices)):
                rates[key] = Rate(
                    ocpuHour: try price("ocpu_hour", of: prices, name, path),
                    gbHour: try price("gb_hour", of: prices, name, path)
                )
            default: throw fault(node, name, path, "{ ocpu_hour = N, gb_hour = N }")
            }
        }
        return Prices(currency: currency, rates: rates)
    }

    private static func price(
        _ key: String,
        of table: TOMLTable,
        _ name: String,
        _ path: String
    ) throws(ConfigurationError) -> Double {
        guard let node = table[key] else {
            throw .badValue(
                setting: name,
                origin: .file(path: path, line: table.line),
                fault: .malformed("\(key) is missing", "give ocpu_hour and gb_hour")
            )
        }
        let number: Double? =
            switch node.value {
            case .integer(let whole): Double(whole)
            case .float(let decimal): decimal
            default: nil
            }
        guard let number, number >= 0, number <= priceMax else {
            throw fault(node, "\(name).\(key)", path, "a number from 0 on")
        }
        return number
    }

    private static func fault(
        _ node: TOMLNode,
        _ setting: String,
        _ path: String,
        _ expected: String
    ) -> ConfigurationError {
        .badValue(
            setting: setting,
            origin: .file(path: path, line: node.line),
            fault: .malformed("\(printable(node.description)) is no such value", "give \(expected)")
        )
    }
}
