// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import HTTPClient
internal import Logging
package import OCIServices
internal import OCISigning
package import TestSupport
package import Transport

/// A compartment and a bucket in memory, which answer the daemon's own client byte by byte and without a socket.
///
/// They do what the services do, unless a test scripts a fault. Time does not change them: a test does.
@LoopActor
package final class TestCloud {
    private struct Place: Hashable {
        let operation: Operation
        let resource: String?
    }

    /// For all tests: making one takes so long that everyone else on the loop would be late.
    private static let key = try? RSAKey(generating: ())

    /// What is written by those that get its `logger`: information and worse.
    package let log = RecordedLog(level: .info)
    /// All requests so far, in the order they came; a call that is tried again counts again.
    package private(set) var requests: [CloudRequest] = []
    /// All instances that were ever made, oldest first; those that were deleted stay here.
    package var records: [CloudInstance] = [] { didSet { changed.send() } }
    /// The objects of the bucket, by name.
    package var bucket: [String: [UInt8]] = [:] { didSet { changed.send() } }
    /// Whether there is a bucket.
    package var hasBucket = true
    /// The state in which an instance is made.
    package var firstState = LifecycleState.creating
    /// The state of an instance whose deletion was accepted.
    package var stateAfterDeletion = LifecycleState.deleted
    /// How many items a page of a listing has at most.
    package var pageSize = 1000
    /// Names that the next batch with them does not delete, and says so; each is then taken from here.
    package var keptNames: Set<String> = []
    /// Names for which a whole batch is refused.
    package var illegalNames: Set<String> = []
    /// Names of the shapes that can be launched.
    package var shapes = ["CI.Standard.E4.Flex"]

    /// Calls of any service, which this cloud answers.
    package private(set) lazy var calls = makeCalls()
    /// The client of the compartment `ocid1.compartment.oc1..a`.
    package private(set) lazy var instances = ContainerInstances(
        calls: calls,
        compartmentID: "ocid1.compartment.oc1..a"
    )
    /// The client of the bucket `b` in the namespace `ns`.
    package private(set) lazy var objects = ObjectStorage(calls: calls, namespace: "ns", bucket: "b")

    private let attemptsMax: Int
    private var faults: [Place: [CloudFault]] = [:]
    private var heldAnswers: [Operation: [@LoopActor () -> Void]] = [:]
    private let changed = Broadcast()

    /// An empty cloud; a call is tried so many times, or until its deadline.
    package init(attemptsMax: Int = .max) {
        self.attemptsMax = attemptsMax
    }

    private func makeCalls() -> ServiceCalls {
        guard let key = Self.key, let keyID = try? KeyIdentity.token("abc"),
            let endpoints = Endpoints(baseURL: "http://cloud.test/")
        else { preconditionFailure("a key can be made, and the constants are well formed") }
        var policy = RetryPolicy()
        policy.backoff = Backoff(initial: .milliseconds(1), limit: .milliseconds(5))
        policy.attemptsMax = attemptsMax
        return ServiceCalls(
            exchange: SignedExchange(
                client: HTTPClient(connector: self),
                endpoints: endpoints,
                userAgent: "test"
            ),
            credentials: APIKeyCredentials(SigningIdentity(keyID: keyID, key: key), tenancyID: nil),
            requestsPerSecondMax: 1000,
            retryPolicy: policy
        ) { _ in }
    }

    // MARK: - Scripts

    /// Lets this happen to the next requests of this operation, one after the other; with `resource`, the id or the
    /// name in their paths, to those for that one only.
    package func script(_ operation: Operation, of resource: String? = nil, _ faults: CloudFault...) {
        self.faults[Place(operation: operation, resource: resource), default: []] += faults
    }

    /// Lets this happen to that many requests more.
    package func script(
        _ operation: Operation,
        of resource: String? = nil,
        _ fault: CloudFault,
        count: Int
    ) {
        let place = Place(operation: operation, resource: resource)
        faults[place, default: []] += Array(repeating: fault, count: count)
    }

    /// Forgets what was scripted for this operation.
    package func unscript(_ operation: Operation) {
        faults = faults.filter { $0.key.operation != operation }
    }

    /// Sends the answers to this operation that were held so far.
    package func release(_ operation: Operation) {
        for send in heldAnswers.removeValue(forKey: operation) ?? [] { send() }
    }

    // MARK: - What there is

    /// Adds an instance that nobody asked for here, made `age` ago, and returns its id, a new one unless it is given.
    @discardableResult
    package func add(
        _ id: String? = nil,
        tags: [(name: String, value: String)] = [],
        _ state: LifecycleState = .active,
        age: Duration = .zero
    ) -> String {
        let id = id ?? "ocid1.instance.\(records.count + 1)"
        records.append(
            CloudInstance(
                id: id,
                state: state,
                tags: Dictionary(uniqueKeysWithValues: tags.map { ($0.name, $0.value) }),
                age: age
            )
        )
        return id
    }

    /// The instance of this id; traps where there never was one.
    package subscript(id: String) -> CloudInstance {
        get {
            guard let record = records.first(where: { $0.id == id }) else {
                preconditionFailure("there is no instance \(id)")
            }
            return record
        }
        set {
            guard let index = records.firstIndex(where: { $0.id == id }) else {
                preconditionFailure("there is no instance \(id)")
            }
            records[index] = newValue
        }
    }

    // MARK: - What was asked

    /// The requests of one operation so far, in the order they came.
    package func requests(of operation: Operation) -> [CloudRequest] {
        requests.filter { $0.operation == operation }
    }

    /// Suspends until `condition` holds; throws `WaitError.deadlinePassed` after half a minute.
    ///
    /// It is asked whenever something changes here, and every few milliseconds for what changes elsewhere, as a log.
    package func wait(until condition: @LoopActor () -> Bool) async throws(WaitError) {
        let end = soon
        while !condition() {
            if end.isPast { throw .deadlinePassed }
            do throws(WaitError) { try await changed.wait(until: .after(.milliseconds(5))) } catch {
                if error == .cancelled { throw error }
            }
        }
    }

    /// Suspends until that many requests of an operation have come, and returns the last of those.
    @discardableResult
    package func request(
        _ operation: Operation,
        count: Int = 1
    ) async throws(WaitError) -> CloudRequest {
        try await wait { self.requests(of: operation).count >= count }
        return requests(of: operation)[count - 1]
    }

    // MARK: - Answering

    /// Does what a request asks for, or what was scripted instead, and answers it over the stream.
    func receive(_ request: CloudRequest, from stream: CloudStream) {
        requests.append(request)
        let fault = nextFault(for: request)
        let answer = if case .refusal(let refusal) = fault { refusal } else { perform(request) }
        switch fault {
        case .lost: stream.end()
        case .held: heldAnswers[request.operation, default: []].append { stream.deliver(answer.bytes) }
        case .served, .refusal: stream.deliver(answer.bytes)
        }
        changed.send()
    }

    private func nextFault(for request: CloudRequest) -> CloudFault {
        for resource in [request.resource, nil] {
            let place = Place(operation: request.operation, resource: resource)
            if let next = faults[place]?.first {
                faults[place]?.removeFirst()
                return next
            }
        }
        return .served
    }
}

extension TestCloud: Connector {
    /// A stream at whose other end is this cloud, whatever the origin is called.
    package func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream {
        CloudStream(self)
    }
}
