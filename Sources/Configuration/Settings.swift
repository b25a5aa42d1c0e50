// SPDX-License-Identifier: Apache-2.0

/// Everything one worker manager is told, typed, checked and with defaults filled in.
///
/// The initial values here are the defaults, and the only place they are written; `Option.table` shows them
/// in help and reference. Required texts and lists start empty; `Invocation.parse` never returns them so.
package struct Settings: Sendable, Equatable {
    // MARK: Scheduler and workers

    /// Address of the scheduler that this manager connects to.
    package var schedulerAddress: SchedulerAddress
    /// Address that the workers connect to; nil means `schedulerAddress`.
    package var workerSchedulerAddress: SchedulerAddress?
    /// Unique name of this manager at its scheduler; part of display names and of the owner's hash.
    package var workerManagerID = ""
    /// Scaler's object storage server; nil means the one that the scheduler names in its heartbeat echo.
    package var objectStorageAddress: SchedulerAddress?
    /// What the workers offer, in the order given.
    package var capabilities: [CapabilitySetting] = []
    /// Tasks that the scheduler may queue at one worker.
    package var taskQueueSize = 1000
    /// Pause between heartbeats of manager and workers.
    package var heartbeatInterval: Duration = .seconds(2)
    /// Silence of the scheduler after which it counts as gone.
    package var deathTimeout: Duration = .seconds(300)
    /// How long the scheduler must ask for fewer workers before they go; zero obeys at once.
    package var scaleDownCooldown: Duration = .seconds(30)
    /// PEM file of certificate authorities, one of which must vouch for scheduler and object storage at `tls://` and
    /// `wss://`; nil believes whoever answers, as Scaler's own programs do.
    package var schedulerCA: String?
    /// Transport to the scheduler.
    package var networkBackend = NetworkBackend.auto
    /// Whose messages the scheduler speaks; its own bytes have precedence where they tell.
    package var schedulerRelease = SchedulerRelease.auto

    // MARK: Tasks

    /// Container instances alive at once.
    package var baseConcurrency = 100
    /// Longest run of one container instance.
    package var jobTimeout: Duration = .seconds(3600)
    /// Longest time in CREATING, the image pull included, before an instance counts as failed.
    package var createTimeout: Duration = .seconds(900)
    /// What happens to running instances when the daemon stops.
    package var onExit = OnExit.delete
    /// How long a stop may take to delete what runs.
    package var stopTimeout: Duration = .seconds(30)

    /// Whether the process ends once its scheduler is gone for good, in place of waiting for the next one.
    package var exitsWithScheduler = false

    // MARK: This host

    /// MiB of memory for objects of tasks on their way, beyond what the idle daemon has.
    package var memoryLimitMB = 64
    /// MiB of disk for objects of tasks on their way.
    package var spoolLimitMB = 16_384

    // MARK: Object Storage

    /// Tenancy namespace of OCI Object Storage.
    package var objectStorageNamespace = ""
    /// Bucket for payloads and results.
    package var objectStorageBucket = ""
    /// Beginning of every object's name, without a slash at its end.
    package var objectStoragePrefix = "scaler-tasks"

    // MARK: Container instances

    /// Region identifier, such as `us-ashburn-1`.
    package var region = "us-ashburn-1"
    /// OCID of the compartment where instances are made.
    package var compartmentID = ""
    /// Availability domains to try, in order.
    package var availabilityDomains: [String] = []
    /// OCIDs of the subnets to try, in order.
    package var subnetIDs: [String] = []
    /// Image of the job runner.
    package var containerImage = ""
    /// Shapes to try, in order.
    package var instanceShapes = ["CI.Standard.E4.Flex"]
    /// OCPUs of one instance.
    package var instanceOCPUs = 1.0
    /// Memory of one instance in GB.
    package var instanceMemoryGB = 6.0
    /// User name for a private registry; given together with `imagePullPassword`.
    package var imagePullUsername: String?
    /// Password or auth token for a private registry.
    package var imagePullPassword: String?
    /// OCID of a vault secret with the registry's credentials.
    package var imagePullSecretID: String?

    // MARK: Ownership and tags

    /// Replaces the computed owner in tags and object names.
    package var ownerID: String?
    /// File with the secret that object names are made with; nil means a key that is made of the machine's identity.
    package var nameSecretFile: String?
    /// The user's tags for every instance.
    package var freeformTags: [FreeformTagSetting] = []
    /// The user's tags that live in a tag namespace.
    package var definedTags: [DefinedTagSetting] = []

    // MARK: OCI access

    /// How requests to OCI are signed.
    package var authType = AuthType.configFile
    /// Profile of the OCI configuration file.
    package var profile = "DEFAULT"
    /// One base URL for every OCI service, without a slash at its end; nil means the region's own.
    package var ociEndpoint: String?
    /// PEM file of certificate authorities to trust instead of the system's.
    package var caBundle: String?
    /// The most requests to each service of OCI a second, reads and writes apart.
    package var maxRequestsPerSecond = 200.0

    // MARK: Logging and status

    /// Files to log to.
    package var loggingPaths = ["/dev/stdout"]
    /// Least severe level that is logged.
    package var loggingLevel = LoggingLevel.info
    /// Form of the log's lines.
    package var logFormat = LogFormat.text
    /// Where metrics and health are served; nil means nowhere.
    package var statusAddress: StatusAddress?
    /// Whether that may be an address that others than this host can reach.
    package var allowsRemoteStatus = false

    /// Where it is remembered what instances used; nil means nowhere.
    package var stateDirectory: String?

    // MARK: How they were given

    /// SettingOrigin of every setting that is not the default, by option name (`base-concurrency`).
    package var origins: [String: SettingOrigin] = [:]
    /// Settings that were given and mean nothing here, for one line each in the log.
    package var ignored: [IgnoredSetting] = []
    /// Sizes of instances that capabilities set, for one line each in the log.
    package var offeredSizes: [OfferedSize] = []
    /// Keys of the file's entry that no setting has, for a warning each.
    package var unknownKeys: [UnknownKey] = []

    /// Defaults, with the one value that has no empty form.
    package init(schedulerAddress: SchedulerAddress) { self.schedulerAddress = schedulerAddress }

    /// Bytes of memory for functions that tasks share; a part of `memoryLimitMB`.
    package var functionCacheBytes: Int { min(16, memoryLimitMB / 4) << 20 }

    /// Where the workers connect.
    package var addressForWorkers: SchedulerAddress { workerSchedulerAddress ?? schedulerAddress }

    /// The line about settings that exclude or need each other, if there are such.
    var contradiction: String? {
        if (imagePullUsername == nil) != (imagePullPassword == nil) {
            "--image-pull-username and --image-pull-password belong together; give both or neither"
        } else if imagePullUsername != nil, imagePullSecretID != nil {
            "--image-pull-secret-id and --image-pull-username exclude each other; give one of them"
        } else if let statusAddress, !statusAddress.isLocal, !allowsRemoteStatus {
            "--status-address \(printable(statusAddress.description)) may be reached from other hosts, which would read "
                + "tasks, failures and OCIDs without a password; choose 127.0.0.1, or unix:PATH, or add "
                + "--status-allow-remote"
        } else if networkBackend == .zmq, let address = schedulerAddresses.first(where: { !$0.isForZeroMQ }) {
            "--network-backend zmq cannot reach \(printable(address.description)), since Scaler has TLS and WebSockets "
                + "over YMQ only; leave the backend to auto, or give a tcp:// address of the scheduler"
        } else {
            sizeContradiction
        }
    }

    /// Where the scheduler is, for the manager and for its workers.
    private var schedulerAddresses: [SchedulerAddress] {
        [schedulerAddress] + [workerSchedulerAddress].compactMap(\.self)
    }

    /// What to warn of about the privacy of what is said to Scaler; nil where it is as good as Scaler's, or better.
    package var warningOfTrust: String? {
        let all = schedulerAddresses + [objectStorageAddress].compactMap(\.self)
        if schedulerCA == nil {
            return all.contains(where: \.isSecure)
                ? "the certificates of scheduler and object storage are not checked, as Scaler does not; --scheduler-ca has "
                    + "them checked" : nil
        }
        return all.first { !$0.isSecure && !$0.isLocal }.map {
            "--scheduler-ca is given, and what is said at \(printable($0.description)) is in the clear all the same"
        }
    }
}

/// A setting of the Python manager that was given and has no effect here.
package struct IgnoredSetting: Sendable, Equatable {
    /// Its option name.
    package let name: String
    /// Where it was given.
    package let origin: SettingOrigin
    /// Why it has no effect, a half sentence.
    package let reason: String
}

/// A size of every instance that was given as something that workers offer.
package struct OfferedSize: Sendable, Equatable {
    /// Such as `memory_gb=64`.
    package let capability: String
    /// Name of the option that it sets.
    package let setting: String
    /// Where the capability was given.
    package let origin: SettingOrigin
}

/// A key of the configuration file that this program does not know: misspelt, or of a later release of Scaler's.
package struct UnknownKey: Sendable, Equatable {
    /// As it stands in the file.
    package let key: String
    /// The file that it stands in.
    package let path: String
    /// Its line there, counted from 1.
    package let line: Int
    /// The key that it may have been meant to be.
    package let nearest: String?

    /// What to tell: where, what, and what may be meant.
    package var description: String {
        "\(printable(path)):\(line): unknown key \(quoted(key)); "
            + (nearest.map { "did you mean \($0)?" } ?? "see --help")
    }
}

/// Where a setting's value came from; the order of the cases is the order of precedence, last wins.
package enum SettingOrigin: Sendable, Hashable {
    case defaultValue
    case file(path: String, line: Int)
    /// An environment variable; one that is set but empty counts as unset.
    case environment(String)
    /// A flag, spelled as the user did.
    case flag(String)
    /// The bare word that is the scheduler's address.
    case argument

    /// For logs and `--print-config`, such as `config.toml:17`.
    package var description: String {
        switch self {
        case .defaultValue: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): "environment \(name)"
        case .flag(let spelling): spelling
        case .argument: "command line"
        }
    }
}
