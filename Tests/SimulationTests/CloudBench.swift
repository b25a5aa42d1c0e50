// SPDX-License-Identifier: Apache-2.0

import Compression
import Encodings
import EventLoop
import Glibc
import JSON
import TaskPayload
import TestSupport
import Transport

@testable import SimulatedWorld

/// A simulated cloud on a bench: in virtual time, and asked by hand.
@LoopActor
final class CloudBench {
    /// What a process exits with in which a judge found something wrong.
    nonisolated static let violated: Int32 = 3

    let simulation: Simulation
    let network: SimulatedNetwork
    let book: TaskBook
    let cloud: SimulatedCloud
    let settings: CloudSettings
    private var requestCount: UInt64 = 0

    private init(_ time: VirtualTime, _ rates: [FaultKind: Double], _ settings: CloudSettings) {
        simulation = Simulation(seed: 7, time: time, faults: Faults(seed: 7, rates: rates)) { violation in
            let text = Array("\(violation)\n".utf8)
            _ = write(2, text, text.count)
            exit(CloudBench.violated)
        }
        network = SimulatedNetwork(simulation, delay: 0.005..<0.02)
        book = TaskBook(simulation)
        self.settings = settings
        cloud = SimulatedCloud(simulation, network: network, book: book, settings: settings)
    }

    /// Runs `body` in virtual time, which needs a process of its own, and ends that; a failed `precondition` ends it otherwise.
    nonisolated static func run(
        faults rates: [FaultKind: Double] = [:],
        concurrency: Int = 10,
        pageSize: Int = 1000,
        _ body: @escaping @LoopActor @Sendable (CloudBench) async throws -> Void
    ) {
        let time = VirtualTime(epochSeconds: 1_764_460_800) { preconditionFailure($0) }
        time.install()
        EventLoop.run {
            var settings = CloudSettings(
                ownerID: "0123456789ab",
                objectPrefix: "p/0123456789ab",
                baseConcurrency: concurrency,
                requestsPerSecond: 10
            )
            settings.pageSize = pageSize
            settings.objectPageSize = pageSize
            do {
                try await body(CloudBench(time, rates, settings))
            } catch {
                preconditionFailure("\(error)")
            }
        }
    }

    // MARK: - Requests

    func ask(
        _ method: String,
        _ path: String,
        _ query: [String: String] = [:],
        body: [UInt8] = [],
        token: String? = nil
    ) -> SimulatedAnswer {
        requestCount += 1
        let names = "date (request-target) host content-length content-type x-content-sha256"
        var fields = [
            "date": HTTPDate.format(secondsSinceEpoch: Int(LoopClock.epochSeconds)), "host": "h",
            "content-length": "\(body.count)",
            "authorization": "Signature version=\"1\",headers=\"\(names)\",keyId=\"k\",signature=\"s\"",
            "x-content-sha256": Base64.encode(DigestAlgorithm.sha256.digest(body)),
        ]
        fields["opc-retry-token"] = token
        let request = SimulatedRequest(
            method: method,
            path: path,
            query: query,
            fields: fields,
            body: body,
            number: requestCount
        )
        return cloud.answer(request, of: path.hasPrefix("/n") ? .storage : .compute)
    }

    static let instancesPath = "/20210415/containerInstances"

    var objectsPath: String { "/n/\(settings.namespace)/b/\(settings.bucket)/o" }

    func objectPath(_ name: String) -> String { "\(objectsPath)/\(PercentEncoding.encode(name))" }

    /// Asks for an instance of a task; its number is the last byte of its id.
    func create(_ job: SimulatedJob, token: String? = nil, payload: [UInt8]? = nil) -> SimulatedAnswer {
        let body = launch(job, payload ?? Self.payload(of: job))
        return ask("POST", Self.instancesPath, body: body, token: token ?? "token \(job.number)")
    }

    /// The state of an instance, as the service shows it; nil if there is none.
    func state(_ id: String) -> String? {
        let answer = ask("GET", "\(Self.instancesPath)/\(id)")
        return answer.status == 200 ? answer.text("lifecycleState") : nil
    }

    func delete(_ id: String) -> Int { ask("DELETE", "\(Self.instancesPath)/\(id)").status }

    /// Waits until an instance is in a state.
    func wait(for state: InstanceState, of id: String) async throws {
        let instance = cloud.compute.instances.first { $0.id == id }
        for _ in 0..<20_000 where instance?.state != state { try await sleep(for: .milliseconds(100)) }
        precondition(self.state(id) == state.rawValue, "\(id) is \(self.state(id) ?? "gone"), not \(state)")
    }

    // MARK: - Payloads

    func taskID(_ job: SimulatedJob) -> [UInt8] { [UInt8](repeating: 0xA0, count: 15) + [UInt8(job.number)] }

    func resultName(_ job: SimulatedJob) -> String {
        RunnerEnvironment.resultObjectName(prefix: containerPrefix(job), taskID: taskID(job))
    }

    /// What nobody but this daemon could compute, if it had a key.
    private static func nonce(_ job: SimulatedJob) -> String {
        let digits = String(job.number, radix: 16)
        return String(repeating: "c", count: 32 - digits.utf8.count) + digits
    }

    private func containerPrefix(_ job: SimulatedJob) -> String {
        "\(settings.objectPrefix)/results/\(Self.nonce(job))"
    }

    /// What the daemon would write for a job, compressed.
    static func payload(of job: SimulatedJob) -> [UInt8] {
        let plan = PayloadPlan(
            taskID: [UInt8](repeating: 0xA0, count: 15) + [UInt8(job.number)],
            context: PayloadPlan.Context(schedulerAddress: "tcp://s:1"),
            serializer: DefaultSerializer.pickled,
            functionByteCount: SimulatedJob.function.count,
            argumentByteCounts: [job.argument.count]
        )
        return Gzip.compress(plan.assemble(function: SimulatedJob.function, arguments: [job.argument]))
    }

    func tags(of job: SimulatedJob) -> [(name: String, value: String)] {
        [
            ("scaler-owner", settings.ownerID), ("scaler-task", Hexadecimal.encode(taskID(job))),
            ("scaler-generation", "0"),
        ]
    }

    /// Puts a payload where it belongs, and returns the environment that leads to it.
    func environment(of job: SimulatedJob, _ payload: [UInt8]) -> RunnerEnvironment {
        var environment = RunnerEnvironment(
            taskID: taskID(job),
            namespace: settings.namespace,
            bucket: settings.bucket,
            prefix: containerPrefix(job),
            payload: .inline(payload, isCompressed: true)
        )
        if payload.count > RunnerEnvironment.inlineBytesMax {
            let folder = "\(settings.objectPrefix)/inputs/\(Self.nonce(job))"
            let name = "\(folder)/\(Hexadecimal.encode(taskID(job))).pkl.gz"
            precondition(ask("PUT", objectPath(name), body: payload).status == 200)
            environment.payload = .object(name: name, isCompressed: true)
        }
        return environment
    }

    /// The body of a create.
    private func launch(_ job: SimulatedJob, _ payload: [UInt8]) -> [UInt8] {
        let environment = environment(of: job, payload)
        let container = JSON.object(present: [
            ("displayName", .string("d")), ("imageUrl", .string("image")),
            ("environmentVariables", .strings(environment.variables.map { ($0.name, $0.value) })),
            ("isResourcePrincipalDisabled", .bool(false)),
        ])
        return JSON.object(present: [
            ("compartmentId", .string(settings.compartmentID)),
            ("availabilityDomain", .string(settings.availabilityDomains[0])), ("displayName", .string("d")),
            ("shape", .string(settings.shapes[0])), ("shapeConfig", .object(present: [("ocpus", .real(1))])),
            ("containers", .array([container])),
            ("vnics", .array([.strings([("subnetId", settings.subnetIDs[0])])])),
            ("containerRestartPolicy", .string("NEVER")),
            ("freeformTags", .strings(tags(of: job).map { ($0.name, $0.value) })),
        ]).encoded()
    }
}

extension SimulatedAnswer {
    /// The text of this name in the body, a JSON object.
    func text(_ name: String) -> String? { try? JSONObject(reading: body).string(name) }

    /// The texts of this name in the items of the body.
    func texts(_ name: String, in list: String = "items") -> [String] {
        (try? JSONObject(reading: body).objects(list).map { try $0.string(name) }) ?? []
    }
}
