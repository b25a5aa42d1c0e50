// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Glibc
internal import OCIServices
internal import Transport

/// `scaler-oci-hpc build-image`.
enum BuildImageCommand {
    private static let tokenVariable = "OCI_AUTH_TOKEN"
    private static let engines = ["docker", "podman"]
    /// How long an engine may take to say whether it works.
    private static let probeLimit: Duration = .seconds(20)

    @LoopActor
    static func run(_ arguments: [String], _ console: Console) async throws(CommandError) -> Int32 {
        guard let scan = try CommandForm.buildImage.scan(arguments) else {
            console.put(CommandForm.buildImage.help)
            return 0
        }
        let environment = environmentVariables()
        let settings = try settings(scan, environment)
        let plan = try plan(scan, settings, environment)
        let keptContext = scan.texts("context")?.last
        if scan.has("print") {
            let engine = scan.texts("engine")?.last ?? engines[0]
            for line in plan.commandLines(engine: engine, context: keptContext ?? "./job-runner") {
                console.put(line)
            }
            if keptContext == nil {
                console.say(
                    "the files to build from are written by --context ./job-runner --no-push --no-login"
                )
            }
            return 0
        }
        let engine = try await engine(scan.texts("engine")?.last, environment)
        let context = try BuildContext(directory: keptContext)
        defer { context.remove() }
        if plan.login != .none {
            console.say("logging in to \(plan.registry)")
            let password: String
            if plan.login == .signedToken {
                password = try await signedToken(settings, console)
            } else {
                password = environment[tokenVariable] ?? ""
            }
            try await run(engine, plan.loginArguments ?? [], input: password)
        }
        console.say("building \(plan.image) for \(plan.platform)")
        try await run(engine, plan.buildArguments(context: context.directory))
        if let pushArguments = plan.pushArguments {
            console.say("pushing \(plan.image)")
            try await run(engine, pushArguments)
        }
        console.put(plan.image)
        return 0
    }

    // MARK: - What to do

    private static func settings(
        _ scan: ArgumentScan,
        _ environment: [String: String]
    ) throws(CommandError) -> Settings {
        let path = scan.texts("config")?.last ?? CommandForm.savedConfiguration
        let needsFile = scan.has("config") || !scan.has("container-image")
        let saved = needsFile ? try SavedConfiguration(reading: path).settings(path: path) : nil
        return try configured(
            try Invocation.settings(
                scan: scan,
                environment: environment,
                saved: saved,
                required: ["container-image"]
            )
        )
    }

    private static func plan(
        _ scan: ArgumentScan,
        _ settings: Settings,
        _ environment: [String: String]
    ) throws(CommandError) -> ImagePlan {
        let image = settings.containerImage
        let parts = image.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].contains(where: { $0 == "." || $0 == ":" }), !parts.contains("")
        else {
            throw .unusable(
                Diagnostic(
                    "\(image) cannot be pushed",
                    why: "it does not name a registry, a namespace and a repository",
                    remedy: "write REGION.ocir.io/NAMESPACE/REPOSITORY:TAG"
                )
            )
        }
        var login = ImagePlan.Login.signedToken
        if scan.has("no-login") || scan.has("no-push") {
            login = .none
        } else if let user = scan.texts("user")?.last {
            guard environment[tokenVariable]?.isEmpty == false else {
                throw .unusable(
                    Diagnostic(
                        "\(user) cannot be logged in",
                        why: "\(tokenVariable) is not set",
                        remedy: "make an auth token in the console (your profile, Auth tokens) and export it"
                    )
                )
            }
            login = .authToken(user: "\(parts[1])/\(user)")
        }
        return ImagePlan(
            image: image,
            platform: scan.texts("platform")?.last ?? ImagePlan.platform(shapes: settings.instanceShapes),
            baseImage: scan.texts("base-image")?.last,
            packages: scan.texts("pip")?.last,
            login: login,
            isPushed: !scan.has("no-push")
        )
    }

    /// The engine that was asked for, or the first that answers.
    @LoopActor
    private static func engine(
        _ name: String?,
        _ environment: [String: String]
    ) async throws(CommandError) -> String {
        let searchPath = environment["PATH"] ?? ""
        var found: [String] = []
        for candidate in name.map({ [$0] }) ?? engines {
            guard let path = Program.find(candidate, searchPath: searchPath) else { continue }
            if await answers(path) { return path }
            found.append(path)
        }
        let names = name ?? engines.joined(separator: " or ")
        throw .program(
            found.isEmpty
                ? Diagnostic(
                    "there is no \(names)",
                    why: "PATH does not lead to it",
                    remedy: "install it, or build elsewhere with what --print shows"
                )
                : Diagnostic(
                    "\(found.joined(separator: " and ")) cannot build images",
                    why: "`info` fails: its daemon does not run, or you may not use it",
                    remedy: "start it, name another with --engine, or build elsewhere with what --print shows"
                )
        )
    }

    /// Whether an engine's daemon can be used; `info` asks it.
    @LoopActor
    private static func answers(_ engine: String) async -> Bool {
        do throws(TransportError) {
            let child = try ChildProcess(Program(path: engine, arguments: ["info"]))
            do throws(TransportError) {
                return try await child.collect(byteCountMax: 1, until: .after(probeLimit)).end.isSuccess
            } catch {
                child.send(signal: SIGKILL)
                return false
            }
        } catch {
            return false
        }
    }

    @LoopActor
    private static func signedToken(
        _ settings: Settings,
        _ console: Console
    ) async throws(CommandError) -> String {
        let cloud = try await Cloud.open(settings, console)
        return try await inCloud(await cloud.repositories.loginToken(deadline: cloud.deadline))
    }

    // MARK: - Doing it

    /// Runs the engine with its output where ours goes; a failure is told in its own words there.
    @LoopActor
    private static func run(
        _ engine: String,
        _ arguments: [String],
        input: String = ""
    ) async throws(CommandError) {
        var program = Program(path: engine, arguments: arguments)
        program.output = .inherited
        program.input = Array(input.utf8)
        let end: ProcessEnd
        do throws(TransportError) {
            let child = try ChildProcess(program)
            do throws(TransportError) {
                end = try await child.waitForEnd()
            } catch {
                child.send(signal: SIGTERM)
                throw error
            }
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .file(path: engine, error)
        }
        guard end.isSuccess else {
            throw .program(
                Diagnostic(
                    "\(engine) \(arguments.first ?? "") failed",
                    why: "\(end); what it said stands above",
                    remedy: remedy(arguments.first)
                )
            )
        }
    }

    private static func remedy(_ step: String?) -> String {
        switch step {
        case "login": "check --user and \(tokenVariable): the password is an auth token, not the console's"
        case "push":
            "check that the repository exists in this region and that you may 'manage repos' in its compartment"
        default: "mend what it complains about and run this again"
        }
    }
}
