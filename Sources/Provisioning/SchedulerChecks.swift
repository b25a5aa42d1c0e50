// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Glibc
internal import JSON
internal import Messaging
internal import Transport

/// Whether a scheduler answers, and whether tasks submitted to it come back, through Scaler's own client.
@LoopActor
struct SchedulerChecks {
    /// How long a server may take to say its first bytes.
    private static let greetingLimit: Duration = .seconds(10)
    /// Beyond what the tests themselves may take: start of Python, connecting, leaving.
    private static let clientMargin: Duration = .seconds(60)

    private let run: CheckRun
    private let settings: Settings

    init(_ run: CheckRun, _ settings: Settings) {
        self.run = run
        self.settings = settings
    }

    func perform() async throws(ProvisioningError) {
        guard let address = run.order.scheduler else {
            return try await run.check("scheduler", .scheduler) { () async throws(CheckFault) -> String in
                throw .skipped("give --scheduler to submit tasks")
            }
        }
        let settings = settings
        let spoken = try await run.check("scheduler", .scheduler) {
            () async throws(CheckFault) -> (seen: String, value: String) in
            let backend = try await backend(of: address)
            guard settings.networkBackend == .auto || settings.networkBackend.rawValue == backend else {
                throw .failed(
                    Complaint(
                        "the scheduler at \(address.description) speaks \(backend)",
                        why: "--network-backend asks for \(settings.networkBackend.rawValue)",
                        remedy:
                            "leave --network-backend out, or start the scheduler with SCALER_NETWORK_BACKEND="
                            + settings.networkBackend.rawValue
                    )
                )
            }
            return ("\(address.description) speaks \(backend)", backend)
        }
        if let storage = settings.objectStorageAddress {
            try await run.check("object-storage-server", .scheduler) { () async throws(CheckFault) in
                guard try await backend(of: storage) == "ymq" else {
                    throw .failed(
                        Complaint(
                            "\(storage.description) is no Scaler object storage server",
                            why: "it speaks ZeroMQ, as schedulers do",
                            remedy:
                                "give the address of scaler_object_storage_server as --object-storage-address"
                        )
                    )
                }
                return storage.description
            }
        }
        try await submit(to: address, backend: spoken)
    }

    private func backend(of address: SchedulerAddress) async throws(CheckFault) -> String {
        let endpoint: Endpoint =
            switch address {
            case .tcp(let host, let port): .tcp(host: host, port: port)
            case .ipc(let path): .ipc(path: path)
            }
        do throws(MessagingError) {
            switch try await detectPeer(at: endpoint, deadline: .after(Self.greetingLimit)) {
            case .zmtp: return "zmq"
            case .ymq: return "ymq"
            }
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .failed(
                Complaint(
                    "nothing of Scaler's answers at \(address.description)",
                    why: "\(error)",
                    remedy:
                        "start scaler_scheduler (or scaler-oci-hpc up config.toml) and check host, port and firewall"
                )
            )
        }
    }

    // MARK: - Tasks

    private func submit(to address: SchedulerAddress, backend: String?) async throws(ProvisioningError) {
        let order = run.order
        guard let backend else {
            for test in order.tests {
                try await run.check("task-\(test)", .scheduler) { () async throws(CheckFault) -> String in
                    throw .skipped("needs the scheduler")
                }
            }
            return
        }
        let lines = try await run.check("client", .scheduler) {
            () async throws(CheckFault) -> (seen: String, value: [String: ClientLine]) in
            let lines = try await clientLines(address, backend)
            return (lines["client"]?.detail ?? "", lines)
        }
        for test in order.tests {
            try await run.check("task-\(test)", .scheduler) { () async throws(CheckFault) in
                guard let lines else { throw .skipped("needs the client") }
                guard let line = lines[test] else {
                    throw .failed(
                        Complaint(
                            "task \(test) was not answered",
                            why: "the client ended before it",
                            remedy: "look at the tasks before it"
                        )
                    )
                }
                guard line.isRight else {
                    throw .failed(
                        Complaint(
                            "task \(test) did not come back right",
                            why: line.detail,
                            remedy:
                                "check that a manager is connected (its log says 'registered with the scheduler'), and "
                                + "its log for the task's container instance"
                        )
                    )
                }
                return line.detail
            }
        }
    }

    /// Runs the client's script and returns what it says of itself and of each test.
    private func clientLines(
        _ address: SchedulerAddress,
        _ backend: String
    ) async throws(CheckFault) -> [String: ClientLine] {
        let order = run.order
        let variables = environmentVariables()
        guard let python = Program.find(order.python, searchPath: variables["PATH"] ?? "") else {
            throw .failed(noClient("there is no \(order.python)"))
        }
        let seconds = order.timeout.components.seconds
        var program = Program(
            path: python,
            arguments: ["-", address.description, "\(seconds)", order.tests.joined(separator: ",")]
        )
        program.input = PackageResources.check_client_py
        program.environment = variables.merging(["SCALER_NETWORK_BACKEND": backend]) { $1 }
        program.leadsGroup = true
        let limit = Self.clientMargin + order.timeout * order.tests.count
        let output: [UInt8]
        do throws(TransportError) {
            let child = try ChildProcess(program)
            do throws(TransportError) {
                output = try await child.collect(byteCountMax: 1 << 20, until: .after(limit)).output
            } catch {
                child.send(signal: SIGKILL)
                throw error
            }
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .failed(noClient("\(order.python): \(error)"))
        }
        let lines = ClientLine.all(in: String(decoding: output, as: UTF8.self))
        guard let client = lines["client"], client.isRight else {
            throw .failed(
                noClient(lines["client"]?.detail ?? "\(order.python) said: \(ClientLine.tail(of: output))")
            )
        }
        return lines
    }

    private func noClient(_ why: String) -> Complaint {
        Complaint(
            "no client can submit tasks",
            why: why,
            remedy:
                "install one with: python3 -m venv venv && venv/bin/pip install 'opengris-scaler[zmq]', and give "
                + "--python venv/bin/python"
        )
    }
}

/// What the client's script says of itself or of one test.
struct ClientLine: Sendable, Equatable {
    let isRight: Bool
    let detail: String

    /// The lines of an output that are the script's; a library's own words are left out.
    static func all(in output: String) -> [String: ClientLine] {
        var lines: [String: ClientLine] = [:]
        for text in output.split(separator: "\n") {
            guard let object = try? JSONObject(reading: Array(text.utf8)),
                let name = try? object.string("check"), let detail = try? object.string("detail")
            else { continue }
            lines[name] = ClientLine(isRight: object["ok"] == .bool(true), detail: detail)
        }
        return lines
    }

    /// The last line of an output that is nothing of the script's.
    static func tail(of output: [UInt8]) -> String {
        String(decoding: output.suffix(400), as: UTF8.self).split(separator: "\n").last.map(String.init)
            ?? "nothing"
    }
}
