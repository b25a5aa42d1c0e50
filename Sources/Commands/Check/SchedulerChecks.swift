// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Glibc
internal import JSON
internal import Messaging
internal import SchedulerLink
internal import Transport

/// Whether a scheduler answers, and whether tasks submitted to it come back, through Scaler's own client.
@LoopActor
final class SchedulerChecks {
    /// How long a server may take to say its first bytes.
    private static let greetingTimeout: Duration = .seconds(10)
    /// Beyond what the tests themselves may take: start of Python, connecting, leaving.
    private static let clientMargin: Duration = .seconds(60)

    private let order: CheckOrder
    private let settings: Settings
    private let address: SchedulerAddress
    /// `zmq` or `ymq`, once the scheduler has told it.
    private var backend = ""
    /// What the client's script says, by the name of the test.
    private var lines: [String: ClientLine] = [:]

    private init(_ order: CheckOrder, _ settings: Settings, _ address: SchedulerAddress) {
        self.order = order
        self.settings = settings
        self.address = address
    }

    /// The checks of this phase; with no scheduler given, that there is nothing to check.
    static func checks(_ order: CheckOrder, _ settings: Settings) -> [Check] {
        guard let address = order.scheduler else {
            return [Check("scheduler") { .skipped("give --scheduler to submit tasks") }]
        }
        return SchedulerChecks(order, settings, address).checks
    }

    private var checks: [Check] {
        var checks = [Check("scheduler", run: checkScheduler)]
        if let address = settings.objectStorageAddress {
            let check = Check("object-storage-server") { () async throws(CommandError) in
                try await self.checkStorageServer(address)
            }
            checks.append(check)
        }
        checks.append(Check("client", needs: .init(check: "scheduler", reason: nil), run: checkClient))
        let scheduler = Check.Need(check: "scheduler", reason: "needs the scheduler")
        let client = Check.Need(check: "client", reason: "needs the client")
        checks.append(Check("python", needs: scheduler, client, run: checkPython))
        for test in order.tests {
            checks.append(Check("task-\(test)", needs: scheduler, client) { self.checkTask(test) })
        }
        return checks
    }

    private func checkScheduler() async throws(CommandError) -> CheckOutcome {
        backend = try await detectBackend(of: address)
        let wanted = settings.networkBackend
        guard wanted == .auto || wanted.rawValue == backend else {
            return .failed(
                "the scheduler at \(address.description) speaks \(backend)",
                why: "--network-backend asks for \(wanted.rawValue)",
                remedy: "leave --network-backend out, or start the scheduler with "
                    + "SCALER_NETWORK_BACKEND=\(wanted.rawValue)"
            )
        }
        return .passed("\(address.description) speaks \(backend)")
    }

    private func checkStorageServer(_ address: SchedulerAddress) async throws(CommandError) -> CheckOutcome {
        if try await detectBackend(of: address) == "ymq" { return .passed(address.description) }
        return .failed(
            "\(address.description) is no Scaler object storage server",
            why: "it speaks ZeroMQ, as schedulers do",
            remedy: "give the address of scaler_object_storage_server as --object-storage-address"
        )
    }

    private func detectBackend(of address: SchedulerAddress) async throws(CommandError) -> String {
        let network: SocketNetwork
        do throws(TransportError) {
            network = try SocketNetwork(settings)
        } catch {
            throw .unusable(
                "--scheduler-ca cannot be used",
                why: "\(error)",
                remedy: "give a PEM file with the authority's certificate"
            )
        }
        do throws(MessagingError) {
            let limit = Deadline.after(Self.greetingTimeout)
            let peer = try await detectPeer(at: Endpoint(address), over: network, deadline: limit)
            return peer == .zmtp ? "zmq" : "ymq"
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .unusable(
                "nothing of Scaler's answers at \(address.description)",
                why: "\(error)",
                remedy:
                    "start scaler_scheduler (or scaler-oci-hpc up config.toml) and check host, port and firewall"
            )
        }
    }

    private func checkPython() -> CheckOutcome {
        let line = lines["python"]
        if let line, line.isRight { return .passed(line.detail) }
        return .failed(
            "tasks may have another Python than the client",
            why: line?.detail ?? "the client ended before it knew which Python they have",
            remedy:
                "build the image for the client's Python, with scaler-oci-hpc build-image --python, or give the client "
                + "that you use as --python"
        )
    }

    private func checkTask(_ test: String) -> CheckOutcome {
        guard let line = lines[test] else {
            let why = "the client ended before it"
            return .failed("task \(test) was not answered", why: why, remedy: "look at the tasks before it")
        }
        if line.isRight { return .passed(line.detail) }
        return .failed(
            "task \(test) did not come back right",
            why: line.detail,
            remedy: "check that a manager is connected (its log says 'registered with the scheduler'), and "
                + "its log for the task's container instance"
        )
    }

    private func checkClient() async throws(CommandError) -> CheckOutcome {
        let output = try await clientOutput()
        lines = ClientLine.all(in: String(decoding: output, as: UTF8.self))
        guard let client = lines["client"], client.isRight else {
            let why = lines["client"]?.detail ?? "\(order.python) said: \(ClientLine.tail(of: output))"
            throw noClient(why: why)
        }
        return .passed(client.detail)
    }

    private func noClient(why: String) -> CommandError {
        .unusable(
            "no client can submit tasks",
            why: why,
            remedy: "install one with: python3 -m venv venv && venv/bin/pip install 'opengris-scaler[zmq]', "
                + "and give --python venv/bin/python"
        )
    }

    private func clientOutput() async throws(CommandError) -> [UInt8] {
        let variables = environmentVariables()
        guard let python = Program.find(order.python, searchPath: variables["PATH"] ?? "") else {
            throw noClient(why: "there is no \(order.python)")
        }
        let seconds = order.timeout.components.seconds
        var program = Program(
            path: python,
            arguments: ["-", address.description, "\(seconds)", order.tests.joined(separator: ",")]
        )
        program.input = PackageResources.check_client_py
        program.environment = variables.merging(["SCALER_NETWORK_BACKEND": backend]) { $1 }
        program.leadsGroup = true
        let limit = Self.clientMargin + order.timeout * (order.tests.count + 1)
        do throws(TransportError) {
            let child = try ChildProcess(program)
            // One that has ended gets no signal.
            defer { child.send(signal: SIGKILL) }
            return try await child.collect(byteCountMax: 1 << 20, until: .after(limit)).output
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw noClient(why: "\(order.python): \(error)")
        }
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

    /// The last line of an output that the script did not write.
    static func tail(of output: [UInt8]) -> String {
        String(decoding: output.suffix(400), as: UTF8.self).split(separator: "\n").last.map(String.init)
            ?? "nothing"
    }
}
