// SPDX-License-Identifier: Apache-2.0

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
    case cloud(OCIError)
    /// What was named does not exist, does not fit, or belongs to somebody else.
    case unusable(Diagnostic)
    case file(path: String, TransportError)
    /// A program that is needed is absent or failed.
    case program(Diagnostic)
    case declined
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
    static func unusable(_ what: String, why: String, remedy: String) -> CommandError {
        .unusable(Diagnostic(what, why: why, remedy: remedy))
    }

    static func program(_ what: String, why: String, remedy: String) -> CommandError {
        .program(Diagnostic(what, why: why, remedy: remedy))
    }

    /// A flag of a subcommand's own has a text that cannot be obeyed.
    static func badFlag(_ name: String, _ fault: ValueFault) -> CommandError {
        .configuration(.badValue(setting: name, origin: .flag("--\(name)"), fault: fault))
    }

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

func writeFile(_ bytes: [UInt8], to path: String) throws(CommandError) {
    do throws(TransportError) { try replaceFile(path, with: bytes) } catch { throw .file(path: path, error) }
}

/// Reads settings, whose error becomes one of this module.
func configured<Value>(
    _ read: @autoclosure () throws(ConfigurationError) -> Value
) throws(CommandError) -> Value {
    do throws(ConfigurationError) { return try read() } catch { throw .configuration(error) }
}

/// What is wrong, why, and what to do about it: what every message to a person is made of.
package struct Diagnostic: Sendable, Equatable {
    /// What does not work, such as `subnet ocid1... cannot be used`.
    package let what: String
    /// Why, as far as that is known.
    package let why: String
    /// What the reader does next.
    package let remedy: String

    /// A diagnostic from its three parts.
    package init(_ what: String, why: String, remedy: String) {
        self.what = what
        self.why = why
        self.remedy = remedy
    }
}

extension Diagnostic: CustomStringConvertible {
    package var description: String { "\(what): \(why); \(remedy)" }
}

extension Diagnostic {
    /// Something could not be done because of what the cloud said, or did not say.
    init(_ what: String, _ error: OCIError) {
        let (why, remedy) = Self.explanation(of: error)
        self.init(what, why: why, remedy: remedy)
    }

    private static func explanation(of error: OCIError) -> (why: String, remedy: String) {
        switch error {
        case .service(let failure):
            let code = failure.code.map { " \($0)" } ?? ""
            return (
                "\(failure.operation.name) was answered with \(failure.status)\(code): \(failure.message) "
                    + "(opc-request-id \(failure.opcRequestID ?? "none"))",
                failure.advice ?? "try again later; if it stays so, give that id to Oracle's support"
            )
        case .transport(let failure):
            return (
                "\(failure)",
                "check the network from this host, HTTPS_PROXY, --oci-region and --oci-endpoint"
            )
        case .malformedAnswer, .deadlinePassed:
            return ("\(error)", "check --oci-endpoint and any proxy between here and OCI")
        case .authentication(.configuration(let text)):
            return (text, "mend that, or choose another --oci-profile or --auth-type")
        case .authentication(.refused(let text)):
            return (text, "make a new key or token and register it with the user")
        case .authentication(.unreachable(let text)):
            return (text, "check that this host can reach the service that issues tokens")
        case .unknownAvailabilityDomain(let name, let known):
            return (
                "there is no availability domain \(name) in this region",
                "give one of \(known.joined(separator: ", ")) as --availability-domain"
            )
        case .accessLost(let refusal): return explanation(of: refusal)
        case .unsendable, .cancelled:
            return ("\(error)", "check the identifiers in the configuration")
        }
    }
}
