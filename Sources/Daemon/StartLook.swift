// SPDX-License-Identifier: Apache-2.0
//
// A look, once a manager works, at what its settings name and no call has used yet: the subnets and the image.
//
// Rule: whether they are there is told to whoever may see it, and a policy that lets instances use them need not let us see them:
// what is not found may be usable.
// Consequence: they are looked at beside the work, nothing waits for it, and what is not found is a notice. Only what is seen, and
// cannot be used as it is, is a warning.
// Rejected: to begin no work before they are seen. A call that is refused costs nothing but its task's place in the queue.

internal import Configuration
internal import EventLoop
internal import Logging
internal import OCIProfile
internal import OCIServices

/// What a look at one thing says; pure.
enum StartFinding: Equatable {
    /// It can be used, or nothing can be known of it, or OCI does not answer, which others tell of.
    case nothing
    /// It was not found, or may not be seen; why, and what to do.
    case notice(why: String, remedy: String)
    /// It cannot be used as it is; why, and what to do.
    case warning(why: String, remedy: String)

    /// Weighs what GetSubnet answered: nil for a subnet that there is not, or that we may not see.
    init(of answer: Result<Subnet?, OCIError>, _ settings: Settings) {
        switch answer {
        case .success(let subnet?): self.init(subnet, settings.availabilityDomains)
        case .success(nil):
            self = .notice(
                why: "it does not exist in region \(settings.region), or this daemon may not see it",
                remedy: "if instances are refused, check --subnet-id and --oci-region, or have "
                    + "an administrator add 'Allow group <group> to use virtual-network-family in compartment id "
                    + "\(settings.compartmentID)'"
            )
        case .failure(let error): self.init(error)
        }
    }

    /// Weighs what the registry answered.
    init(of answer: Result<ImageStanding, OCIError>) {
        switch answer {
        case .success(.absent(let why)):
            self = .notice(
                why: why,
                remedy: "if instances fail, run scaler-oci-hpc build-image, or give another --container-image"
            )
        case .success(.otherRegion(let here)):
            self = .warning(
                why: "its registry is that of another region, and the instances run in \(here)",
                remedy:
                    "push it to \(here).ocir.io with scaler-oci-hpc build-image and give that --container-image"
            )
        case .success: self = .nothing
        case .failure(let error): self.init(error)
        }
    }

    /// A person can allow the look; all other errors are told by the calls that the work needs.
    private init(_ error: OCIError) {
        self = error.isDenial ? .notice(why: "\(error)", remedy: "run scaler-oci-hpc check") : .nothing
    }

    private init(_ subnet: Subnet, _ domains: [String]) {
        if subnet.lifecycleState != "AVAILABLE" {
            self = .warning(
                why: "it is \(subnet.lifecycleState)",
                remedy: "wait until it is AVAILABLE, or give another --subnet-id"
            )
        } else if let own = subnet.availabilityDomain, !domains.contains(own) {
            self = .warning(
                why: "it belongs to \(own) alone, and the instances go to \(domains.joined(separator: ", "))",
                remedy: "give --availability-domain \(own), or a regional subnet"
            )
        } else {
            self = .nothing
        }
    }
}

/// Looks at each subnet of a manager and at its image once, and tells the log.
@LoopActor
struct StartLook {
    private static let timeout: Duration = .seconds(60)

    let settings: Settings
    let calls: ServiceCalls
    let region: Region
    /// Nil where it is not known.
    let tenancyID: String?
    let log: Logger

    func run() async {
        for id in settings.subnetIDs {
            let found = await asked { () async throws(OCIError) in
                try await Subnet.find(id, calls: calls, deadline: .after(Self.timeout))
            }
            tell(StartFinding(of: found, settings), "subnet", id)
        }
        let found = await asked { () async throws(OCIError) in try await standingOfImage() }
        tell(StartFinding(of: found), "image", settings.containerImage)
    }

    private func standingOfImage() async throws(OCIError) -> ImageStanding {
        try await ImageName(settings.containerImage).standing(
            // A repository made by a first push is in the root compartment.
            in: [settings.compartmentID, tenancyID].compactMap(\.self),
            namespace: settings.objectStorageNamespace,
            region: region,
            calls: calls,
            deadline: .after(Self.timeout)
        )
    }

    private func asked<Value>(
        _ look: @LoopActor () async throws(OCIError) -> Value
    ) async -> Result<Value, OCIError> {
        do throws(OCIError) { return .success(try await look()) } catch { return .failure(error) }
    }

    private func tell(_ finding: StartFinding, _ kind: String, _ name: String) {
        let facts = { (why: String, remedy: String) -> Logger.Metadata in
            ["\(kind)": "\(name)", "why": "\(why)", "next_step": "\(remedy)"]
        }
        switch finding {
        case .nothing: break
        case .notice(let why, let remedy):
            log.notice("the \(kind) was not found", metadata: facts(why, remedy))
        case .warning(let why, let remedy):
            log.warning("the \(kind) cannot be used as it is", metadata: facts(why, remedy))
        }
    }
}
