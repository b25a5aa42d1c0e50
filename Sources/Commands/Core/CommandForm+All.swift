// SPDX-License-Identifier: Apache-2.0

internal import Configuration

extension CommandForm {
    static let provision = CommandForm(
        "provision",
        "Create everything in OCI that tasks need, and the files that say so.",
        details: """
            Creates a bucket with a rule that deletes old task objects, a dynamic group of the
            compartment's container instances, a policy, and a repository for the image; then
            writes what daemon, shell and the other subcommands need to know. Run again, it
            changes nothing that is right already, and mends what is not.
            """,
        own: [
            prefixOption,
            .invocation("group", placeholder: "NAME")
                .help(
                    "Group whose members may launch tasks; 'dynamic-group NAME' for hosts, 'none' for no "
                        + "statements (default: the caller's own group)."
                ),
            .invocation("image", placeholder: "IMAGE").help("The same as --container-image."),
            .invocation("bucket", placeholder: "BUCKET").help("The same as --object-storage-bucket."),
            .invocation("job-timeout", placeholder: "MINUTES").help("As --job-timeout-seconds, in minutes."),
            .invocation("scheduler", placeholder: "ADDRESS")
                .help("Scheduler address for the configuration file (default: tcp://127.0.0.1:8516)."),
            .invocation("config", short: "c", placeholder: "FILE")
                .help("Where to save what was made (default: \(savedConfiguration))."),
            .invocation("env-file", placeholder: "FILE")
                .help("Where to write export lines for a shell (default: \(savedEnvironment))."),
            .invocation("config-toml", placeholder: "FILE")
                .help(
                    "Where to write a configuration file, unless there is one (default: \(configurationFile))."
                ),
            .invocation("build-image").help("Then build the image and push it, as build-image does."),
            .invocation("dry-run").help("Print every call and change nothing."),
        ],
        settings: [
            "compartment-id", "availability-domain", "subnet-id", "instance-shape", "instance-ocpus",
            "instance-memory-gb", "container-image", "base-concurrency", "job-timeout-seconds",
            "worker-manager-id", "object-storage-address", "object-storage-bucket", "object-storage-prefix",
            "freeform-tag", "defined-tag", "image-pull-secret-id",
        ],
        required: ["compartment-id", "availability-domain", "subnet-id"],
        synonyms: ["image": "container-image", "bucket": "object-storage-bucket"],
        replacesAction: true
    )

    static let cleanup = CommandForm(
        "cleanup",
        "Remove what provision created, and nothing else.",
        details: """
            Says what it found and asks before it removes anything. What does not bear the tag
            that provision sets stays; then what provision saved stays, too, and the exit code is 1.
            """,
        own: [
            configOption, prefixOption,
            .invocation("yes", short: "y").help("Do not ask."),
            .invocation("dry-run").help("Say what would be removed, and remove nothing."),
        ],
        settings: ["compartment-id", "object-storage-bucket"],
        required: ["compartment-id"],
        replacesAction: true
    )

    static let show = CommandForm(
        "show",
        "Show what provision saved, and what of it exists.",
        own: [configOption, prefixOption, .invocation("json").help("Print JSON.")],
        settings: ["compartment-id"],
        replacesAction: true
    )

    static let listDomains = CommandForm(
        "list-ads",
        "List the region's availability domains.",
        own: [],
        settings: ["compartment-id"],
        replacesAction: true
    )

    static let buildImage = CommandForm(
        "build-image",
        "Build the job runner's image and push it to the registry.",
        details: """
            Which image: --container-image, or without --prefix what provision saved, or else the one
            that provision would name, in a repository that is made if it is not there yet.
            Uses docker, podman or buildah, whichever answers first. Logs in to OCIR with an auth token from the
            environment variable OCI_AUTH_TOKEN (user from --user), or else as whoever signs the
            calls to OCI, with a token that lives some minutes.
            """,
        own: [
            configOption, prefixOption,
            .invocation("image", short: "t", placeholder: "IMAGE").help("The same as --container-image."),
            .invocation("engine", placeholder: "docker|podman|buildah|PATH")
                .help("What builds the image (default: what answers)."),
            .invocation("base-image", placeholder: "IMAGE")
                .help(
                    "Image to build upon, pinned as NAME@sha256:DIGEST if you know it; needs Python 3.9 or newer with pip "
                        + "(default: python:VERSION-slim)."
                ),
            .invocation("python", placeholder: "VERSION")
                .help(
                    "Minor version of the clients' Python (default: that of the python3 that has Scaler, else "
                        + "\(BuildImageCommand.defaultPython))."
                ),
            .invocation("pip", placeholder: "REQUIREMENTS")
                .help("Python packages that tasks import, parted by spaces, e.g. 'numpy pandas==2.2'."),
            .invocation("platform", placeholder: "PLATFORM")
                .help("Platform to build for (default: linux/arm64 for A1 shapes, else linux/amd64)."),
            .invocation("user", placeholder: "NAME")
                .help("User of the auth token, without the namespace: name, or domain/name."),
            .invocation("context", placeholder: "DIRECTORY")
                .help("Keep what the image is built from here (default: a directory that is removed)."),
            .invocation("no-login").help("The engine is logged in already."),
            .invocation("no-push").help("Build only."),
            .invocation("print").help("Print the commands and run none."),
        ],
        settings: ["container-image", "compartment-id", "object-storage-namespace", "instance-shape"],
        synonyms: ["image": "container-image"],
        replacesAction: true
    )

    static let check = CommandForm(
        "check",
        "Check that tasks can run: access, storage, a real container, the scheduler.",
        details: """
            Settings come from flags, the environment and --config, which may name what provision
            saved or a configuration file. What settings are missing for is skipped, and said to be.
            Exits with 0 if nothing failed, 1 if something did.
            """,
        own: [
            configOption,
            .invocation("phase", placeholder: "all|connectivity|storage|lifecycle|scheduler")
                .help("Which part to check (default: all)."),
            .invocation("scheduler", placeholder: "ADDRESS")
                .help("Scheduler to submit tasks to; without it that phase is left out."),
            .invocation("test", placeholder: "all|sqrt|simple|map|compute")
                .help("Which tasks the scheduler phase submits (default: all)."),
            .invocation("timeout", placeholder: "SECONDS")
                .help("Longest wait for one container and for each task (default: 600)."),
            .invocation("python", placeholder: "PATH")
                .help("Python with opengris-scaler, for the scheduler phase (default: python3)."),
            .invocation("strict-config")
                .help("Refuse a configuration file with keys that are not known here."),
            .invocation("json").help("Print JSON."),
        ],
        settings: [
            "compartment-id", "availability-domain", "subnet-id", "container-image", "instance-shape",
            "instance-ocpus", "instance-memory-gb", "object-storage-namespace", "object-storage-bucket",
            "object-storage-prefix", "object-storage-address", "base-concurrency", "job-timeout-seconds",
            "image-pull-username", "image-pull-password", "image-pull-secret-id", "network-backend",
            "scheduler-ca",
        ]
    )

    static let up = CommandForm(
        "up",
        "Start everything that a configuration file has, as Scaler's own command does.",
        details: """
            Runs Scaler's own programs from PATH for the sections that the file has (object storage
            server, scheduler, worker managers of other types, gui), then the managers of type
            oci_hpc in this process. Ends when one of
            them ends, or at SIGTERM or SIGINT, in reverse order. Takes every flag that the
            program takes without a subcommand, too.
            """,
        usage: "[--config] config.toml",
        own: [.invocation("config", short: "c", placeholder: "FILE").help("The configuration file.")],
        settings: nil,
        takesProgramFlags: true
    )

    static let top = CommandForm(
        "top",
        "Show live what a daemon does: slots, phases, rates, slow tasks, failures.",
        details: """
            ADDRESS is where the daemon serves its status, HOST:PORT or unix:PATH; without it, the
            --status-address of the configuration file. Without a terminal it prints once.
            Keys: q quits, s sorts, r reverses, / filters, arrows and pages scroll. NO_COLOR is obeyed.
            """,
        usage: "[flags] [ADDRESS]",
        own: [
            managersOption,
            Option.named("status-address").help("Where the daemon serves its status; the same as ADDRESS."),
            .invocation("interval", placeholder: "SECONDS").help("Pause between two looks (default: 2)."),
            .invocation("once").help("Print once, on a terminal too."),
        ],
        settings: nil,
        takesWord: true
    )

    static let list = CommandForm(
        "list",
        "List the container instances and objects that a manager has in OCI.",
        details: """
            Whose they are follows from the configuration file, or from --worker-manager-id and
            --scheduler, and this host: a manager's owner id is made of the three.
            """,
        own: [
            managersOption, schedulerOption,
            .invocation("all-owners")
                .help("List what bears the tag of any manager, on whichever host it runs."),
            .invocation("json").help("Print JSON."),
        ],
        settings: ownedResourcesSettings,
        required: ownedResourcesPlace
    )

    static let cost = CommandForm(
        "cost",
        "Sum up what container instances used, and with [prices] what they cost.",
        details: """
            Counts what runs, as the cloud lists it, and what the daemon remembers of instances that
            ended, in the state directory. Prices are what [prices] of the configuration file says,
            and never guessed. The billed minimum of one minute an instance is counted apart.
            """,
        own: [
            managersOption, schedulerOption,
            .invocation("by", placeholder: "TAG")
                .help("Sum up by this free-form tag; scaler-worker-manager and scaler-owner will do, too."),
            .invocation("since", placeholder: "TIME")
                .help("Leave out what was before: 12h, 7d, a date, or a time such as 2026-11-30T12:00:00Z."),
            .invocation("past-only").help("Leave out what runs now; OCI is not asked."),
            .invocation("json").help("Print JSON."),
        ],
        settings: ownedResourcesSettings + ["state-directory"]
    )

    static let reap = CommandForm(
        "reap",
        "Delete what a manager left in OCI that is not coming back.",
        details: """
            Deletes the container instances and objects that bear the owner's tag and name, and
            nothing else; asks before. What a living daemon has is left alone: a daemon holds its
            owner's name on its host, and while reap holds it none starts. An owner with a chosen
            id may live on another host, so it takes --force. Exits with 0 when all is gone, 1 when
            something was left alone, 69 when the cloud did not delete all in time, 77 when it may
            not be deleted.
            """,
        own: [
            managersOption, schedulerOption,
            .invocation("yes", short: "y").help("Do not ask."),
            .invocation("force").help("Delete although the owner's daemon lives, or may."),
            .invocation("dry-run").help("Print every call and delete nothing."),
            .invocation("timeout", placeholder: "SECONDS").help("How long to try (default: 600)."),
        ],
        settings: ownedResourcesSettings,
        required: ownedResourcesPlace
    )

    private static let ownedResourcesPlace = ["compartment-id", "object-storage-bucket"]
    private static let ownedResourcesSettings = [
        "worker-manager-id", "owner-id", "compartment-id", "object-storage-namespace",
        "object-storage-bucket", "object-storage-prefix",
    ]
    private static let managersOption = Option.invocation("config", short: "c", placeholder: "FILE")
        .help("Configuration file of the managers (default: \(configurationFile), if it is there).")
    private static let schedulerOption = Option.invocation("scheduler", placeholder: "ADDRESS")
        .help("Scheduler that the manager worked for, as it was told.")

    static let all = [provision, buildImage, check, up, top, show, listDomains, list, cost, reap, cleanup]
}
