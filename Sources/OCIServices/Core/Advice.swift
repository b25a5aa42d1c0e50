// SPDX-License-Identifier: Apache-2.0

extension ServiceFailure {
    /// What the reader of the message can do next, or nil where the message says it all.
    package var advice: String? {
        switch kind {
        case .notAuthorized, .notAuthorizedOrNotFound: missingPolicy
        case .relatedResourceNotAuthorizedOrNotFound:
            "check that the subnet, image and secrets named exist in this region, and: \(missingPolicy)"
        case .notAuthenticated:
            "check that the API key's fingerprint is registered for this user and region, the token has not "
                + "expired, and this host's clock is right"
        case .outOfHostCapacity:
            "no hardware of this shape is free in this availability domain: name more availability domains or shapes"
        case .limitExceeded:
            "a service limit of the tenancy is reached: ask for an increase or lower --base-concurrency"
        case .quotaExceeded: "a quota of the compartment is reached: raise it or lower --base-concurrency"
        case .throttled: "the service limits the request rate: lower --max-requests-per-second"
        case .badRequest: "check the identifiers and names in the configuration"
        case .invalidatedRetryToken: "the launch is tried again under a new retry token"
        case .payloadTooLarge, .notImplemented, .unexpected:
            "check --oci-endpoint and any proxy between here and the service"
        case .serverBusy, .notFound, .incorrectState, .conflict, .preconditionFailed: nil
        }
    }

    private var missingPolicy: String {
        let statements = operation.permissions.map { "'Allow group <group> to \($0) in \(scope)'" }
        guard !statements.isEmpty else { return "check the identifiers in the configuration" }
        return "either what was named does not exist or a policy is missing: "
            + statements.joined(separator: ", ")
    }
}
