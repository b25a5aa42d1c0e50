// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import OCIServices

/// The exit codes of the program and of its subcommands; those above 63 are of sysexits(3).
///
/// The only table of them: what else ends the process ends it with one of these.
package enum ExitCode {
    /// Done; of managers, after a stop that left nothing but what was to be left.
    package static let success: Int32 = 0
    /// A check failed, something was left alone, or the answer to a question was no.
    package static let negative: Int32 = 1
    /// The command line cannot be parsed.
    package static let usage: Int32 = 2
    /// OCI, or something else that is needed, cannot be used at present (EX_UNAVAILABLE).
    package static let unavailable: Int32 = 69
    /// A file cannot be read or written (EX_CANTCREAT).
    package static let file: Int32 = 73
    /// A stop left something in the cloud that the next start, or `reap`, goes on to delete (EX_TEMPFAIL).
    package static let incomplete: Int32 = 75
    /// OCI refuses: the credentials, or for want of a policy (EX_NOPERM).
    package static let noPermission: Int32 = 77
    /// The configuration is wrong, or something that it names cannot be used (EX_CONFIG).
    package static let configuration: Int32 = 78

    /// Ended by a signal, as shells count.
    package static func signal(_ number: Int32) -> Int32 { 128 + number }
}

extension ConfigurationError {
    /// `usage` for a command line that does not parse, `configuration` for everything about values.
    package var exitCode: Int32 { isUsage ? ExitCode.usage : ExitCode.configuration }
}

extension OCIError {
    /// The exit code of a program that cannot start because of this.
    package var exitCode: Int32 {
        switch self {
        case .authentication(.configuration), .unknownAvailabilityDomain: ExitCode.configuration
        case .authentication(.refused): ExitCode.noPermission
        case .authentication(.unreachable): ExitCode.unavailable
        default: isDenial ? ExitCode.noPermission : ExitCode.unavailable
        }
    }
}
