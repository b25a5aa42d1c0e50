// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices

extension Complaint {
    /// A complaint that something could not be done because of what the cloud said, or did not say.
    init(_ what: String, _ error: OCIError) {
        switch error {
        case .service(let failure):
            let code = failure.code.map { " \($0)" } ?? ""
            self.init(
                what,
                why:
                    "\(failure.operation.rawValue) was answered with \(failure.status)\(code): \(failure.message) "
                    + "(opc-request-id \(failure.opcRequestID ?? "none"))",
                remedy: failure.advice ?? "try again later; if it stays so, give that id to Oracle's support"
            )
        case .transport(let failure):
            self.init(
                what,
                why: "\(failure)",
                remedy: "check the network from this host, HTTPS_PROXY, --oci-region "
                    + "and --oci-endpoint"
            )
        case .malformedAnswer, .deadlinePassed:
            self.init(
                what,
                why: "\(error)",
                remedy: "check --oci-endpoint and any proxy between here and OCI"
            )
        case .authentication(.configuration(let text)):
            self.init(what, why: text, remedy: "mend that, or choose another --oci-profile or --auth-type")
        case .authentication(.refused(let text)):
            self.init(what, why: text, remedy: "make a new key or token and register it with the user")
        case .authentication(.unreachable(let text)):
            self.init(
                what,
                why: text,
                remedy: "check that this host can reach the service that issues tokens"
            )
        case .unknownAvailabilityDomain(let name, let known):
            self.init(
                what,
                why: "there is no availability domain \(name) in this region",
                remedy: "give one of \(known.joined(separator: ", ")) as --availability-domain"
            )
        case .unsendable, .cancelled:
            self.init(what, why: "\(error)", remedy: "check the identifiers in the configuration")
        }
    }
}

extension CheckFault {
    /// The fault that a failed call is.
    init(_ what: String, _ error: OCIError) {
        if case .cancelled = error { self = .cancelled } else { self = .failed(Complaint(what, error)) }
    }

    /// The fault that a complaint of another subcommand's is.
    init(_ what: String, _ error: ProvisioningError) {
        switch error {
        case .cancelled, .declined: self = .cancelled
        case .cloud(let error): self.init(what, error)
        case .unusable(let complaint), .program(let complaint): self = .failed(complaint)
        case .configuration(let error):
            self = .failed(Complaint(what, why: error.description, remedy: "mend the configuration"))
        case .file(let path, let error):
            self = .failed(
                Complaint(what, why: "\(path): \(error)", remedy: "check the path and its permissions")
            )
        }
    }
}

/// Runs calls to the cloud inside a check; `what` says what could not be done if they fail.
@LoopActor
func checking<Value: Sendable>(
    _ what: String,
    _ body: @LoopActor () async throws(OCIError) -> Value
) async throws(CheckFault) -> Value {
    do throws(OCIError) {
        return try await body()
    } catch {
        throw CheckFault(what, error)
    }
}
