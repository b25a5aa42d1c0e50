// SPDX-License-Identifier: Apache-2.0

/// Names, short forms, environment variables and defaults are those of `scaler_worker_manager oci_hpc` 2.9.0;
/// rows marked `new` are this program's own.
extension Option {
    /// Every option there is, grouped: the one table.
    package static let groups: [(title: String, options: [Option])] = [
        ("OCI HPC parameters", manager),
        ("Container instances", containerInstances),
        ("Sizing", sizing),
        ("Private images, owner and tags", imagesAndTags),
        ("Workers", workers),
        ("Connections", connections),
        ("This host", host),
        ("Logging and status", logging),
        ("General", general),
        ("Accepted for compatibility", withoutEffect),
    ]

    /// The rows of all groups.
    package static let table = groups.flatMap(\.options)

    private static let manager: [Option] = [
        Option("scheduler-address", .address, into: \.schedulerAddress, required: true, positional: true)
            .help("Address of the Scaler scheduler."),
        Option(
            "worker-manager-id",
            short: "wmi",
            .text("ID", maxBytes: 200),
            into: \.workerManagerID,
            required: true
        ).help("Unique identifier of this worker manager."),
        Option("object-storage-address", short: "osa", .address, intoOptional: \.objectStorageAddress)
            .help("Address of Scaler's object storage server; without it, the one that the scheduler names."),
        Option("object-storage-namespace", .text("NAMESPACE"), into: \.objectStorageNamespace, required: true)
            .environment("OCI_OBJECT_STORAGE_NAMESPACE", provisioned: "SCALER_OCI_NAMESPACE").help(
                "Tenancy namespace of OCI Object Storage."
            ),
        Option("object-storage-bucket", .text("BUCKET"), into: \.objectStorageBucket, required: true)
            .environment("OCI_OBJECT_STORAGE_BUCKET", provisioned: "SCALER_OCI_BUCKET").help(
                "Bucket for task payloads and results."
            ),
        Option("object-storage-prefix", .objectPrefix, into: \.objectStoragePrefix)
            .environment("OCI_OBJECT_STORAGE_PREFIX").help("Beginning of the names of task objects."),
        Option("base-concurrency", short: "bc", .count, into: \.baseConcurrency)
            .help("Container instances that run at once, at most."),
        Option("job-timeout-seconds", .seconds, into: \.jobTimeout)
            .help("Longest run of one container instance; then the task fails."),
        Option("create-timeout-seconds", .seconds, into: \.createTimeout, new: true)
            .help("Longest time to create one container instance, the image pull included."),
        Option("on-exit", .choice, into: \.onExit, new: true)
            .help(
                "What happens to running instances when the daemon stops; those left are adopted by the next."
            ),
        Option("stop-timeout-seconds", .seconds, into: \.stopTimeout, new: true)
            .environment("SCALER_STOP_TIMEOUT_SECONDS")
            .help(
                "How long a stop may take to delete what runs; what stays is named, and the exit code is 75."
            ),
        Option("exit-with-scheduler", .toggle, into: \.exitsWithScheduler, new: true)
            .help(
                "End with 0 once a client has shut the scheduler down, or it has not answered for "
                    + "--death-timeout-seconds; without this the next scheduler is waited for."
            ),
    ]

    private static let containerInstances: [Option] = [
        Option("oci-region", .text("REGION"), into: \.region).environment(
            "OCI_REGION",
            provisioned: "SCALER_OCI_REGION"
        )
        .help("OCI region identifier."),
        Option("compartment-id", .text("OCID"), into: \.compartmentID, required: true)
            .environment("OCI_COMPARTMENT_ID", provisioned: "SCALER_OCI_COMPARTMENT_ID").help(
                "Compartment where container instances are launched."
            ),
        Option("availability-domain", .list("AD,..."), into: \.availabilityDomains, required: true)
            .environment("OCI_AVAILABILITY_DOMAIN", provisioned: "SCALER_OCI_AVAILABILITY_DOMAIN")
            .help(
                "Availability domains, e.g. AD-1 or Uocm:US-ASHBURN-AD-1; the next is tried when one is full."
            ),
        Option("subnet-id", .list("OCID,..."), into: \.subnetIDs, required: true).environment(
            "OCI_SUBNET_ID",
            provisioned: "SCALER_OCI_SUBNET_ID"
        )
        .help("Subnets for the instances' network interfaces, tried in order."),
        Option("container-image", .text("IMAGE"), into: \.containerImage, required: true)
            .environment("OCI_CONTAINER_IMAGE", provisioned: "SCALER_OCI_CONTAINER_IMAGE").help(
                "OCIR URI of the job runner image."
            ),
        Option("instance-shape", .list("SHAPE,..."), into: \.instanceShapes)
            .help("Container instance shapes, tried in order."),
        Option("auth-type", .choice, into: \.authType).environment("OCI_AUTH_TYPE")
            .help("How requests to OCI are signed; principals know their own region."),
        Option("oci-profile", .text("NAME"), into: \.profile).environment("OCI_CONFIG_PROFILE")
            .help("Profile of the OCI configuration file."),
    ]

    private static let sizing: [Option] = [
        Option("instance-ocpus", .positive("N"), into: \.instanceOCPUs)
            .help("OCPUs for each container instance."),
        Option("instance-memory-gb", .positive("GB"), into: \.instanceMemoryGB)
            .help("Memory for each container instance."),
    ]

    private static let imagesAndTags: [Option] = [
        Option("image-pull-username", .text("NAME"), intoOptional: \.imagePullUsername)
            .environment("OCI_IMAGE_PULL_USERNAME")
            .help("User name for a private registry, e.g. <namespace>/<user>."),
        Option("image-pull-password", .text("SECRET"), intoOptional: \.imagePullPassword, secret: true)
            .environment("OCI_IMAGE_PULL_PASSWORD")
            .help(
                "Auth token for a private registry; rather give it in the environment, "
                    + "flags are visible to all."
            ),
        Option("image-pull-secret-id", .text("OCID"), intoOptional: \.imagePullSecretID, new: true)
            .help("Vault secret that holds the registry's credentials."),
        Option("owner-id", .word("ID", maxBytes: 64), intoOptional: \.ownerID, new: true)
            .help(
                "Marks what is this manager's in the cloud; without it, a hash of machine, "
                    + "manager and scheduler."
            ),
        Option("name-secret-file", .text("FILE"), intoOptional: \.nameSecretFile, new: true)
            .environment("SCALER_NAME_SECRET_FILE")
            .help(
                "Secret of 32 bytes or more that makes object names unguessable; without it, the machine id does."
            ),
        Option("freeform-tag", .freeformTags, into: \.freeformTags, new: true)
            .help("Tag for every container instance; may be repeated."),
        Option("defined-tag", .definedTags, into: \.definedTags, new: true)
            .help("Tag of a tag namespace for every container instance; may be repeated."),
    ]

    private static let workers: [Option] = [
        Option("worker-scheduler-address", short: "wsa", .address, intoOptional: \.workerSchedulerAddress)
            .help("Scheduler address for the workers, if it is another than the manager's."),
        Option("per-worker-capabilities", short: "pwc", .capabilities, into: \.capabilities)
            .help("What the workers offer, e.g. gpu,cpu=4."),
        Option("per-worker-task-queue-size", short: "wtqs", .count, into: \.taskQueueSize)
            .help("Tasks that may queue at one worker."),
        Option("heartbeat-interval-seconds", short: "his", .seconds, into: \.heartbeatInterval)
            .help("Pause between heartbeats."),
        Option("death-timeout-seconds", short: "dts", .seconds, into: \.deathTimeout)
            .help("Silence of the scheduler after which it counts as gone."),
        Option("scale-down-cooldown-seconds", short: "sdc", .secondsOrZero, into: \.scaleDownCooldown)
            .help("How long fewer workers must be asked for before any go; 0 obeys at once."),
    ]

    private static let connections: [Option] = [
        Option("network-backend", .choice, into: \.networkBackend, new: true)
            .environment("SCALER_NETWORK_BACKEND")
            .help("Transport to the scheduler; auto asks the scheduler's first bytes."),
        Option("scheduler-ca", .text("FILE"), intoOptional: \.schedulerCA, new: true)
            .environment("SCALER_SCHEDULER_CA")
            .help(
                "PEM file of certificate authorities that must vouch for scheduler and object storage at tls:// and "
                    + "wss://; without it, their certificates are not checked, as Scaler does not."
            ),
        Option("scheduler-release", .choice, into: \.schedulerRelease, new: true)
            .help(
                "Whose messages a ZeroMQ scheduler speaks: 2.5 for 2.5.0 to 2.6.0, 2.7 for later; "
                    + "auto tries both."
            ),
        Option("oci-endpoint", .baseURL, intoOptional: \.ociEndpoint, new: true).environment("OCI_ENDPOINT")
            .help("One base URL for every OCI service, for an emulator or a proxy."),
        Option("ca-bundle", .text("FILE"), intoOptional: \.caBundle, new: true).environment("OCI_CA_BUNDLE")
            .help("PEM file of certificate authorities to trust instead of the system's."),
        Option("max-requests-per-second", .positive("N"), into: \.maxRequestsPerSecond, new: true)
            .help(
                "The most requests a second to each OCI service, reads and writes apart; "
                    + "how many it bears is found out."
            ),
    ]

    private static let host: [Option] = [
        Option("memory-limit-mb", .whole(4...1_048_576), into: \.memoryLimitMB, new: true)
            .environment("SCALER_MEMORY_LIMIT_MB")
            .help("MiB of memory for inputs and results on their way; beyond it tasks wait."),
        Option("spool-limit-mb", .whole(4...1_073_741_824), into: \.spoolLimitMB, new: true)
            .environment("SCALER_SPOOL_LIMIT_MB")
            .help("MiB of temporary files for inputs and results on their way; beyond it tasks wait."),
    ]

    private static let logging: [Option] = [
        Option("logging-paths", short: "lp", .list("PATH ...", .greedyList), into: \.loggingPaths)
            .help("Where to log; /dev/stdout and /dev/stderr mean the streams."),
        Option("logging-level", short: "ll", .choice, into: \.loggingLevel)
            .help("Least severe level that is logged."),
        Option("log-format", .choice, into: \.logFormat, new: true).help("Form of the log's lines."),
        Option("status-address", .statusAddress, intoOptional: \.statusAddress, new: true)
            .help("Serve metrics and health here, or on unix:PATH."),
        Option("status-allow-remote", .toggle, into: \.allowsRemoteStatus, new: true)
            .help("Let --status-address be one that other hosts can reach; there is no password."),
        Option("state-directory", .text("DIRECTORY"), intoOptional: \.stateDirectory, new: true)
            .environment("STATE_DIRECTORY")
            .help("Remember here what instances used, for the subcommand cost; nothing else depends on it."),
    ]

    private static let general: [Option] = [
        .invocation("config", short: "c", placeholder: "FILE", new: false)
            .help("Read settings from a TOML file."),
        .invocation("strict-config")
            .help("Refuse a file with keys that are not known here, instead of a warning for each."),
        .invocation("print-config").help("Print every setting and where it came from, then exit."),
        .invocation("print-reference").help("Print the configuration reference as Markdown, then exit."),
        .invocation("print-man", placeholder: "program|file|SUBCOMMAND")
            .help("Print a manual page, then exit: of the program, of the TOML file, or of a subcommand."),
        .invocation("print-completions", placeholder: "bash|zsh|fish")
            .help("Print the script by which that shell completes command lines, then exit."),
        .invocation("version").help("Print the version, then exit."),
        .invocation("help", short: "h", new: false).help("Print this help, then exit."),
    ]

    private static let withoutEffect: [Option] = [
        .ignored("max-task-concurrency", short: "mtc", .anyNumber("N", from: -1))
            .because("the oci_hpc manager is bounded by --base-concurrency"),
        .ignored("task-timeout-seconds", short: "tts", .anyNumber("SECONDS", from: 0))
            .because("tasks are bounded by --job-timeout-seconds"),
        .ignored("garbage-collect-interval-seconds", short: "gc", .anyNumber("SECONDS", from: 0.001))
            .because("there is no garbage collector"),
        .ignored("trim-memory-threshold-bytes", short: "tm", .anyNumber("N", from: 0))
            .because("memory is bounded as it is"),
        .ignored("hard-processor-suspend", short: "hps", .toggle)
            .because("container instances are not suspended"),
        .ignored("io-threads", short: "it", .anyNumber("N", from: 1))
            .because("one thread does everything"),
        .ignored("event-loop", short: "el", ValueKind<EventLoopChoice>.choice)
            .because("the event loop is always libev"),
        .ignored("preload", .anyText("SPEC")).because("no Python runs in this process"),
        .ignored("logging-config-file", short: "lcf", .anyText("FILE"))
            .because("Python's logging configuration is not read"),
    ]
}
