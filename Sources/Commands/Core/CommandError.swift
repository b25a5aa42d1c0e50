// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
package import Configuration
internal import EventLoop
internal import Glibc
package import OCIServices
internal import Reporting
package import Transport

/// Why a subcommand could not do what it was asked.
package enum CommandError: Error, Sendable {
    /// The command line or a file says something that cannot be obeyed.
    case configuration(ConfigurationError)
    /// The cloud refused or did not answer.
    case cloud(OCIError)
    /// What was named does not exist, does not fit, or belongs to somebody else.
    case unusable(Diagnostic)
    /// A file could not be read or written.
    case file(path: String, TransportError)
    /// A program that is needed is absent or failed.
    case program(Diagnostic)
    /// The user was asked and said no.
    case declined
    /// A signal ended the work.
    case cancelled

    /// What the program exits with because of it.
    package var exitCode: Int32 {
        switch self {
        case .configuration(let error): error.exitCode
        case .cloud(let error): error.exitCode
        case .unusable: ExitCode.configuration
        case .file: ExitCode.file
        case .program: ExitCode.unavailable
        case .declined: ExitCode.negative
        case .cancelled: ExitCode.signal(SIGINT)
        }
    }
}

extension CommandError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .configuration(let error): error.description
        case .cloud(let error): "\(error)"
        case .unusable(let diagnostic), .program(let diagnostic): "\(diagnostic)"
        case .file(let path, let error): "\(path): \(error); check the path and its permissions"
        case .declined: "nothing was done"
        case .cancelled: "interrupted"
        }
    }
}

extension CommandError {
    /// A flag of a subcommand's own has a text that cannot be obeyed.
    static func badFlag(_ name: String, _ fault: ValueFault) -> CommandError {
        .configuration(.badValue(setting: name, origin: .flag("--\(name)"), fault: fault))
    }

    /// The error that a failed call to the cloud is.
    init(_ error: OCIError) {
        if case .cancelled = error { self = .cancelled } else { self = .cloud(error) }
    }
}

/// Runs a call to the cloud, whose error becomes one of this module.
@LoopActor
func inCloud<Value: Sendable>(
    _ call: @autoclosure @LoopActor () async throws(OCIError) -> Value
) async throws(CommandError) -> Value {
    do throws(OCIError) { return try await call() } catch { throw CommandError(error) }
}

/// Reads settings, whose error becomes one of this module.
func configured<Value>(
    _ read: @autoclosure () throws(ConfigurationError) -> Value
) throws(CommandError) -> Value {
    do throws(ConfigurationError) { return try read() } catch { throw .configuration(error) }
}
