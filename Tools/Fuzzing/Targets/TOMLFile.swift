// SPDX-License-Identifier: Apache-2.0

import Configuration

/// Reads the input as the configuration file, and stops the process when a complaint is not one line, or when the
/// settings that were read cannot be printed.
enum TOMLFileFuzz {
    static func feed(_ input: [UInt8]) {
        for arguments in [["config.toml"], ["config.toml", "--print-config"]] {
            do throws(ConfigurationError) {
                _ = try Invocation.parse(arguments: ["scaler-oci-hpc"] + arguments, environment: [:]) {
                    _ throws(ConfigurationError) in input
                }
            } catch {
                _ = error.isUsage
                insist(!error.description.isEmpty, "no description")
                insist(!error.description.utf8.contains(UInt8(ascii: "\n")), error.description)
            }
        }
    }
}
