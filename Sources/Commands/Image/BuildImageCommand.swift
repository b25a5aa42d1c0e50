// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Glibc
internal import OCIServices
internal import Reporting
internal import Transport

enum BuildImageCommand {
    private static let tokenVariable = "OCI_AUTH_TOKEN"
    private static let engines = ["docker", "podman", "buildah"]
    /// What an image has where neither the user nor a client on this host tells: the version of Scaler's own image.
    static let defaultPython = "3.12"
    /// Prints the minor version of a Python that has Scaler.
    private static let clientProbe =
        "import importlib.util, sys; importlib.util.find_spec('scaler') and print('%d.%d' % sys.version_info[:2])"
    /// How long an engine may take to say whether it works.
    private static let probeLimit: Duration = .seconds(20)

    @LoopActor
    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        var settings = try settings(input)
        if settings.containerImage.isEmpty {
            settings.containerImage = try await provisionedImage(input, settings, console)
        }
        let plan = try plan(input, settings, python: try await python(input, console))
        if input.has("print") {
            show(plan, input, console)
            return ExitCode.success
        }
        let engine = try await engine(input)
        let context = try BuildContext(directory: input.text("context"))
        defer { context.remove() }
        if let arguments = plan.loginArguments {
            console.say("logging in to \(plan.registry)")
            var password = input.environment[tokenVariable] ?? ""
            if plan.login == .signedToken {
                let cloud = try await Cloud.open(settings, console)
                password = try await inCloud(await cloud.repositories.loginToken(deadline: cloud.deadline))
            }
            try await run(engine, arguments, input: password)
        }
        console.say("building \(plan.image) for \(plan.platform)")
        try await run(engine, plan.buildArguments(context: context.directory))
        if let arguments = plan.pushArguments {
            console.say("pushing \(plan.image)")
            try await run(engine, arguments)
        }
        console.put(plan.image)
        return ExitCode.success
    }

    /// The settings, whose image is empty where provision would name it.
    static func settings(_ input: CommandInput) throws(CommandError) -> Settings {
        let path = input.savedPath
        let isNamed = input.has("config")
        let saved = try isNamed ? SavedConfiguration(reading: path) : SavedConfiguration(ifPresent: path)
        var settings = try input.settings(saved: saved.settings(path: path))
        if input.has("container-image") { return settings }
        if input.has("prefix") { settings.containerImage = "" }
        guard settings.containerImage.isEmpty, settings.compartmentID.isEmpty else { return settings }
        throw .configuration(
            .missingSettings(["--container-image or --compartment-id"], path: nil, line: nil)
        )
    }

    /// The image that provision would name; its repository is made if it is not there and will be pushed to.
    @LoopActor
    private static func provisionedImage(
        _ input: CommandInput,
        _ settings: Settings,
        _ console: Console
    ) async throws(CommandError) -> String {
        let isPushed = !input.has("print") && !input.has("no-push")
        let known = settings.objectStorageNamespace
        if !isPushed, !known.isEmpty {
            let region = settings.region
            return ProvisionedNames(prefix: input.prefix, namespace: known, region: region, bucket: nil)
                .image(registry: "\(region).ocir.io", namespace: known)
        }
        let cloud = try await Cloud.open(settings, console)
        let names = cloud.names(prefix: input.prefix, bucket: "")
        if isPushed { try await ensureRepository(names.repository, cloud, console) }
        return names.image(registry: "\(cloud.regionName).ocir.io", namespace: cloud.namespace)
    }

    @LoopActor
    private static func ensureRepository(
        _ name: String,
        _ cloud: Cloud,
        _ console: Console
    ) async throws(CommandError) {
        let deadline = cloud.deadline
        if try await inCloud(await cloud.repositories.find(name, deadline: deadline)) != nil { return }
        let tags = Provenance.tags(compartmentID: cloud.settings.compartmentID, own: [])
        _ = try await inCloud(
            await cloud.calls.apply(cloud.repositories.creation(of: name, tags: tags), deadline: deadline)
        )
        console.say("repository \(name): created")
    }

    /// The version that is asked for, else that of the `python3` that has Scaler; a base image that is named decides itself.
    @LoopActor
    private static func python(
        _ input: CommandInput,
        _ console: Console
    ) async throws(CommandError) -> String? {
        if let text = input.text("python") {
            if let version = ImagePlan.minorVersion(text) { return version }
            throw .badFlag("python", .malformed("'\(text)' is no version of Python", "write e.g. 3.12"))
        }
        if input.has("base-image") { return nil }
        let found = try await clientPython(input)
        console.say(
            found.map { "for Python \($0), which the python3 of this host has Scaler in" }
                ?? "for Python \(defaultPython); say --python if clients have another"
        )
        return found ?? defaultPython
    }

    /// The minor version of the `python3` in PATH, if it has Scaler.
    @LoopActor
    private static func clientPython(_ input: CommandInput) async throws(CommandError) -> String? {
        guard let path = Program.find("python3", searchPath: input.environment["PATH"] ?? ""),
            let child = try? ChildProcess(Program(path: path, arguments: ["-c", clientProbe]))
        else { return nil }
        defer { child.send(signal: SIGKILL) }
        do throws(TransportError) {
            let answer = try await child.collect(byteCountMax: 64, until: .after(probeLimit))
            guard answer.end.isSuccess else { return nil }
            return ImagePlan.minorVersion(String(decoding: answer.output.prefix { $0 != 10 }, as: UTF8.self))
        } catch .cancelled {
            throw .cancelled
        } catch { return nil }
    }

    private static func plan(
        _ input: CommandInput,
        _ settings: Settings,
        python: String?
    ) throws(CommandError) -> ImagePlan {
        let image = settings.containerImage
        let parts = image.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].contains(where: { $0 == "." || $0 == ":" }), !parts.contains("")
        else {
            throw .unusable(
                "\(image) cannot be pushed",
                why: "it does not name a registry, a namespace and a repository",
                remedy: "write REGION.ocir.io/NAMESPACE/REPOSITORY:TAG"
            )
        }
        var login = ImagePlan.Login.signedToken
        if input.has("no-login") || input.has("no-push") {
            login = .none
        } else if let user = input.text("user") {
            guard input.environment[tokenVariable]?.isEmpty == false else {
                throw .unusable(
                    "\(user) cannot be logged in",
                    why: "\(tokenVariable) is not set",
                    remedy: "make an auth token in the console (your profile, Auth tokens) and export it"
                )
            }
            login = .authToken(user: "\(parts[1])/\(user)")
        }
        guard let platform = input.text("platform") ?? ImagePlan.platform(shapes: settings.instanceShapes)
        else {
            throw .unusable(
                "one image cannot run in \(settings.instanceShapes.joined(separator: " and "))",
                why: "A1 and its like are Arm, the others are x86",
                remedy: "name shapes of one kind, or say --platform and build an image for each"
            )
        }
        return ImagePlan(
            image: image,
            platform: platform,
            python: python,
            baseImage: input.text("base-image"),
            packages: input.text("pip"),
            login: login,
            isPushed: !input.has("no-push")
        )
    }

    @LoopActor
    private static func show(_ plan: ImagePlan, _ input: CommandInput, _ console: Console) {
        let kept = input.text("context")
        let engine = input.text("engine") ?? engines[0]
        for line in plan.commandLines(engine: engine, context: kept ?? "./job-runner") { console.put(line) }
        if kept == nil {
            console.say("the files to build from are written by --context ./job-runner --no-push --no-login")
        }
    }

    @LoopActor
    private static func engine(_ input: CommandInput) async throws(CommandError) -> String {
        let name = input.text("engine")
        var found: [String] = []
        for candidate in name.map({ [$0] }) ?? engines {
            guard let path = Program.find(candidate, searchPath: input.environment["PATH"] ?? "") else {
                continue
            }
            if await answers(path) { return path }
            found.append(path)
        }
        guard !found.isEmpty else {
            throw .program(
                "there is no \(name ?? engines.joined(separator: " or "))",
                why: "PATH does not lead to it",
                remedy: "install it, or build elsewhere with what --print shows"
            )
        }
        throw .program(
            "\(found.joined(separator: " and ")) cannot build images",
            why: "`info` fails: its daemon does not run, or you may not use it",
            remedy: "start it, name another with --engine, or build elsewhere with what --print shows"
        )
    }

    @LoopActor
    private static func answers(_ engine: String) async -> Bool {
        guard let child = try? ChildProcess(Program(path: engine, arguments: ["info"])) else { return false }
        // One that has ended gets no signal.
        defer { child.send(signal: SIGKILL) }
        let answer = try? await child.collect(byteCountMax: 1, until: .after(probeLimit))
        return answer?.end.isSuccess ?? false
    }

    /// Runs the engine with our standard output and error, where it describes a failure itself.
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
            defer { child.send(signal: SIGTERM) }
            end = try await child.waitForEnd()
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .file(path: engine, error)
        }
        if end.isSuccess { return }
        let step = arguments.first ?? ""
        let remedy =
            switch step {
            case "login":
                "check --user and \(tokenVariable): the password is an auth token, not the console's"
            case "push":
                "check that the repository exists in this region and that you may 'manage repos' in its compartment"
            default: "mend what it complains about and run this again"
            }
        throw .program("\(engine) \(step) failed", why: "\(end); what it said stands above", remedy: remedy)
    }
}

/// The files that the job runner's image is built from, in a directory; they are part of this program.
struct BuildContext {
    let directory: String
    private let isKept: Bool

    private static let files: [(name: String, bytes: [UInt8])] = [
        ("Dockerfile", PackageResources.Dockerfile),
        ("job_runner.py", PackageResources.job_runner_py),
        ("oci_object_storage.py", PackageResources.oci_object_storage_py),
        ("oci_principal.py", PackageResources.oci_principal_py),
    ]

    /// Writes them into `directory`, which is made if need be and kept; or into a new one, which `remove` removes.
    init(directory kept: String?) throws(CommandError) {
        isKept = kept != nil
        if let kept {
            directory = kept
            mkdir(kept, 0o755)
        } else {
            let parent = environmentVariable("TMPDIR") ?? "/tmp"
            var template = Array("\(parent)/scaler-oci-hpc-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                throw .file(path: parent, .systemCall(SystemCallError(call: "mkdtemp", number: errno), .file))
            }
            directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        for (name, bytes) in Self.files {
            let path = "\(directory)/\(name)"
            try writeFile(bytes, to: path)
            // In the image, users other than the files' owner read them.
            chmod(path, 0o644)
        }
    }

    func remove() {
        guard !isKept else { return }
        for (name, _) in Self.files { unlink("\(directory)/\(name)") }
        rmdir(directory)
    }
}
