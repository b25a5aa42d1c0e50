// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
internal import Transport

/// The simulated cloud: Container Instances and Object Storage of one region, with an account of what the daemon does there.
///
/// It is what `Endpoints.region` finds for `SimulatedCloud.region`, each service at its own host. It serves from the start.
@LoopActor
package final class SimulatedCloud {
    /// The name of the region.
    package nonisolated static let region = "us-ashburn-1"
    /// Where Container Instances is.
    package nonisolated static let computeHost = "compute-containers.us-ashburn-1.oci.oraclecloud.com"
    /// Where Object Storage is.
    package nonisolated static let storageHost = "objectstorage.us-ashburn-1.oraclecloud.com"

    /// A service of the cloud.
    package enum Service: String, Sendable, CaseIterable {
        case compute, storage
    }

    /// Container Instances.
    package let compute: SimulatedCompute
    /// Object Storage.
    package let bucket: SimulatedBucket
    /// Whether every deletion of an instance is refused with 503.
    package var refusesDeletions = false
    /// Called with method and path of each request.
    package var onRequest: (@LoopActor (SimulatedRequest) -> Void)?
    /// Services that answer every request with 503.
    package var brokenServices: Set<Service> = []
    /// Whether every signature is refused.
    package var deniesAccess = false

    private var throttlesCompute = false
    private let simulation: Simulation
    private let network: SimulatedNetwork?
    private let settings: CloudSettings
    private var process = 0
    /// Those of earlier processes too: their connections may still bring something.
    private var servers: [Service: [HTTPServer]] = [:]

    /// A cloud where strangers have some instances and objects; without a network nobody reaches it but by `answer`.
    package init(
        _ simulation: Simulation,
        network: SimulatedNetwork?,
        book: TaskBook,
        settings: CloudSettings
    ) {
        self.simulation = simulation
        self.network = network
        self.settings = settings
        bucket = SimulatedBucket(simulation, settings)
        compute = SimulatedCompute(simulation, settings, bucket, book)
        compute.created = { [unowned self] in loseTouch(after: $0) }
        makeServers()
    }

    /// Says that the requests on connections from now on are those of a new process of the daemon, which knows nothing.
    package func processStarted() {
        process += 1
        compute.processStarted(process)
        makeServers()
    }

    /// Lets nobody connect to a service until `listen`.
    package func shut(_ service: Service) { network?.listen(at: Self.host(of: service), nil) }

    /// Serves whoever connects.
    package func listen() {
        for service in Service.allCases {
            guard let server = servers[service]?.last else { continue }
            network?.listen(at: Self.host(of: service)) { server.accept($0) }
        }
    }

    private func makeServers() {
        for service in Service.allCases {
            let process = process
            let budget = RequestBudget(simulation, rate: settings.requestsPerSecond, name: service.rawValue)
            var chance = simulation.generator("answers of \(service.rawValue) to \(process)")
            let server = HTTPServer(
                simulation,
                time: { request in
                    budget.count(request)
                    let isCreate = request.method == "POST" && request.path.hasSuffix("/containerInstances")
                    let time = isCreate ? self.settings.createTime : nil
                    return .seconds(Double.random(in: time ?? self.settings.answerTime, using: &chance))
                },
                handle: { request in
                    let answer = self.answer(request, of: service, from: process)
                    budget.answered(request, isThrottled: answer.status == 429)
                    return answer
                }
            )
            servers[service, default: []].append(server)
        }
        listen()
    }

    private static func host(of service: Service) -> String {
        service == .compute ? computeHost : storageHost
    }

    // MARK: - Requests

    /// What a service answers to a request of the present process of the daemon.
    package func answer(_ request: SimulatedRequest, of service: Service) -> SimulatedAnswer {
        answer(request, of: service, from: process)
    }

    private func answer(
        _ request: SimulatedRequest,
        of service: Service,
        from process: Int
    ) -> SimulatedAnswer {
        onRequest?(request)
        if let refusal = signatureRefusal(of: request, service) ?? faultRefusal(of: request, service) {
            return refusal
        }
        let share = simulation.faults.draw(.serverError, party(request))
        if let share, share < 0.5 { return serverError(share) }
        let answer =
            switch service {
            case .compute: compute.answer(request, from: process)
            case .storage: bucket.answer(request)
            }
        return share.map(serverError) ?? answer
    }

    /// The refusal of a request whose date is more than five minutes off; a request that is not signed as the service
    /// demands is a violation.
    private func signatureRefusal(of request: SimulatedRequest, _ service: Service) -> SimulatedAnswer? {
        let signature = request.fields["authorization"] ?? ""
        let isObject = service == .storage && request.method == "PUT"
        let signsBody = !isObject && (request.method == "POST" || request.method == "PUT")
        var names = ["date", "(request-target)", "host"]
        if signsBody { names += ["content-length", "content-type", "x-content-sha256"] }
        let signed = headers(signedBy: signature)
        for name in names {
            simulation.judge(
                "signature",
                signed.contains(name),
                "\(request.method) \(request.path) does not sign \(name)"
            )
        }
        if signsBody {
            let digest = Base64.encode(DigestAlgorithm.sha256.digest(request.body))
            simulation.judge(
                "signature",
                request.fields["x-content-sha256"] == digest,
                "the digest of \(request.path) is wrong"
            )
        }
        let date = request.fields["date"].flatMap(HTTPDate.secondsSinceEpoch)
        simulation.judge("signature", date != nil, "\(request.method) \(request.path) has no date")
        guard let date, abs(Int64(date) - simulation.serviceMilliseconds / 1000) <= 300 else {
            return .error(401, "NotAuthenticated", "The date is too far off.")
        }
        if deniesAccess { return .error(401, "NotAuthenticated", "The key is not registered.") }
        return nil
    }

    private func headers(signedBy signature: String) -> [String] {
        let fields = Array(signature.utf8).split(separator: UInt8(ascii: ","))
        let names = [Array("headers=".utf8), Array("Signature headers=".utf8)]
        guard let field = fields.first(where: { field in names.contains { field.starts(with: $0) } })
        else { return [] }
        let quoted = field.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
        guard quoted.count > 1 else { return [] }
        return quoted[1].split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Refusals of requests that are not carried out.
    private func faultRefusal(of request: SimulatedRequest, _ service: Service) -> SimulatedAnswer? {
        if refusesDeletions, service == .compute, request.method == "DELETE" {
            return .error(503, "ServiceUnavailable")
        }
        if brokenServices.contains(service) { return .error(503, "ServiceUnavailable") }
        let isThrottled = throttlesCompute && service == .compute
        guard let share = isThrottled ? 0 : simulation.faults.draw(.throttled, party(request)) else {
            return nil
        }
        var answer = SimulatedAnswer.error(429, "TooManyRequests", "User-rate limit exceeded.")
        // No page of Oracle's speaks of Retry-After for a 429; it would be honoured.
        if share > 0.8 { answer.fields.append(("retry-after", "\(Int(share * 10) % 4)")) }
        return answer
    }

    /// What Container Instances answered last gets lost on the way, and for minutes it cannot be reached, or refuses every
    /// request for want of its rate.
    private func loseTouch(after instance: SimulatedInstance) {
        guard let share = simulation.faults.draw(.lostAfterCreate, instance.job) else { return }
        let length = Duration.seconds(20 + 280 * share * share)
        simulation.holdRequests(for: length)
        let isThrottled = mix(share.bitPattern) & 1 == 0
        network?.cutOff(Self.computeHost, for: isThrottled ? .milliseconds(100) : length, isSilent: false)
        guard isThrottled else { return }
        throttlesCompute = true
        simulation.after(length) { [self] in throttlesCompute = false }
    }

    /// An answer that does not say whether the request was carried out.
    private func serverError(_ share: Double) -> SimulatedAnswer {
        switch Int(share * 1000) % 4 {
        case 0: .error(500, "InternalServerError")
        case 1: .error(503, "ServiceUnavailable")
        case 2: .proxyError(502)
        default: .proxyError(504)
        }
    }

    private func party(_ request: SimulatedRequest) -> UInt64 {
        stableHash("\(request.method) \(request.path)".utf8, from: 2)
    }

    // MARK: - Judges

    /// Whether nothing of the owner is left but records of what is deleted.
    package var isAtRest: Bool { compute.living.isEmpty && bucket.ownNames.isEmpty }

    /// Judges that the daemon, which has nothing to do any more, has left nothing, and that strangers have what they had.
    package func judgeAtRest() {
        let (living, names) = (compute.living, bucket.ownNames)
        simulation.judge(
            "rest",
            living.isEmpty,
            "\(living.count) instances are left, such as \(living.first?.id ?? "")"
        )
        simulation.judge(
            "rest",
            names.isEmpty,
            "\(names.count) objects are left, such as \(names.first ?? "")"
        )
        compute.judgeStrangers()
        bucket.judgeStrangers()
    }
}
