// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import OCIServices

/// Everything that `check` has to say of what is not as it should be.
extension Diagnostic {
    // MARK: - Connectivity

    /// `warning` is what, then perhaps a semicolon and the remedy.
    static func readableCredentials(_ warning: String) -> Diagnostic {
        let parts = warning.split(separator: ";", maxSplits: 1)
        return Diagnostic(
            "others can read the credentials",
            why: String(parts[0]),
            remedy: parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "make them yours alone"
        )
    }

    static func wrongClock(errorSeconds: Int) -> Diagnostic {
        Diagnostic(
            "this host's clock is \(abs(errorSeconds)) s \(errorSeconds > 0 ? "ahead of" : "behind") OCI's",
            why: "a signature bears the time, and OCI refuses it beyond \(CloudChecks.clockErrorMax) s",
            remedy: "let the host set its clock: timedatectl set-ntp true"
        )
    }

    static func foreignNamespace(_ given: String, own: String) -> Diagnostic {
        Diagnostic(
            "namespace \(given) is another tenancy's",
            why: "the caller's own is \(own)",
            remedy: "give --object-storage-namespace \(own)"
        )
    }

    static func imageInAnotherRegion(registry: String, here: String) -> Diagnostic {
        Diagnostic(
            "the image is in another region",
            why: "its registry is \(registry), and the instances run in \(here)",
            remedy:
                "push it to \(here).ocir.io with scaler-oci-hpc build-image and give that --container-image"
        )
    }

    static func missingRepository(_ repository: String, image: String) -> Diagnostic {
        unpulledImage(
            image,
            why: "there is no repository \(repository) in this region, or you may not read it"
        )
    }

    static func missingImage(_ image: String, repository: String, versions: [String]) -> Diagnostic {
        unpulledImage(
            image,
            why: versions.isEmpty
                ? "repository \(repository) is empty"
                : "repository \(repository) has \(versions.joined(separator: ", ")) only"
        )
    }

    private static func unpulledImage(_ image: String, why: String) -> Diagnostic {
        Diagnostic(
            "image \(image) cannot be pulled",
            why: why,
            remedy: "run scaler-oci-hpc build-image, or give another --container-image"
        )
    }

    static func littleRoom(_ need: LimitNeed, available: Int, needed: Int?) -> Diagnostic {
        Diagnostic(
            "service limit \(need.limit) leaves room for \(available / max(1, need.perInstance)) of "
                + "\(need.concurrency) instances",
            why:
                "\(available) are free, and --base-concurrency \(need.concurrency) may need "
                + "\(needed.map(String.init) ?? "more"); stopped instances count until they are deleted",
            remedy: "lower --base-concurrency, name more availability domains, or request a limit increase"
        )
    }

    // MARK: - Storage

    static func missingBucket(_ settings: Settings) -> Diagnostic {
        Diagnostic(
            "bucket \(settings.objectStorageBucket) cannot be used",
            why: "it does not exist in namespace \(settings.objectStorageNamespace), or you may not read it",
            remedy:
                "run scaler-oci-hpc provision, give another --object-storage-bucket, or let an "
                + "administrator allow 'Allow group <group> to read buckets in compartment id "
                + "\(settings.compartmentID)'"
        )
    }

    static func noLifecycleRule(prefix: String) -> Diagnostic {
        Diagnostic(
            "no lifecycle rule deletes old objects under \(prefix)",
            why: "what a crash leaves behind stays, and costs, for ever",
            remedy: "let scaler-oci-hpc provision set one, or add a rule that deletes them after 7 days"
        )
    }

    static func shortLifecycle(
        _ rule: LifecycleRule,
        prefix: String,
        jobTimeoutSeconds timeout: Int64
    ) -> Diagnostic {
        Diagnostic(
            "the bucket's lifecycle is shorter than a task may run",
            why:
                "rule \(rule.name) acts on objects under \(prefix) after \(rule.days) days, and "
                + "--job-timeout-seconds is \(timeout): a result may be gone before it is fetched, and the "
                + "task fails for no visible reason",
            remedy:
                "raise the rule to \((timeout + 86_399) / 86_400) days or more, or lower --job-timeout-seconds"
        )
    }

    static let changedObject = Diagnostic(
        "an object did not come back as it was written",
        why: "something between here and Object Storage changes what passes",
        remedy: "check --oci-endpoint and any proxy"
    )

    // MARK: - Lifecycle

    static func brokenRunner(why: String) -> Diagnostic {
        Diagnostic("the image's job runner could not run a task", why: why, remedy: buildAnew)
    }

    static let wrongResult = Diagnostic(
        "the image's job runner stored something else than the result",
        why: "6 to the power of 2 was asked for",
        remedy: buildAnew
    )

    private static let buildAnew = "build the image anew with scaler-oci-hpc build-image"

    static func stillCreating(after timeout: Duration) -> Diagnostic {
        Diagnostic(
            "the container instance is still being created after \(timeout.components.seconds) s",
            why: "either its image cannot be pulled from the subnet, or a service limit leaves no room",
            remedy: "check the limits of Container Instances in this region and availability domain, lower "
                + "--base-concurrency or request a limit increase; check that the subnet reaches the registry"
        )
    }

    static func noResult(within timeout: Duration, _ state: LifecycleState?) -> Diagnostic {
        Diagnostic(
            "the container did not store a result within \(timeout.components.seconds) s",
            why: "its instance is \(state?.name ?? "not to be seen")",
            remedy:
                "check that the subnet reaches Object Storage (service gateway or NAT), or raise --timeout"
        )
    }

    /// A container that ended without a result.
    static func endedContainer(_ ended: EndedInstance, _ settings: Settings) -> Diagnostic {
        let image = settings.containerImage
        let told = ended.serviceText.isEmpty ? "" : ": \(ended.serviceText)"
        let instance = "its instance is \(ended.state ?? "gone")"
        let exitCode = ended.exitCode.map(String.init) ?? "unknown"
        switch ended.cause {
        case .noRoom:
            return Diagnostic(
                "there is no room for a container instance",
                why: "the service says\(told)",
                remedy: "name more availability domains or shapes, or try again later"
            )
        case .notStarted:
            return Diagnostic(
                "the container did not start",
                why: "\(instance)\(told)",
                remedy:
                    "check that image \(image) exists in this region and that the subnet reaches the registry "
                    + "(service gateway, NAT or public address); for a private repository give --image-pull-secret-id, or "
                    + "allow the dynamic group to 'read repos'"
            )
        case .storageUnreachable, .nothingStored:
            return Diagnostic(
                "the container could not store its result",
                why: "it ended with exit code \(exitCode)\(told)",
                remedy:
                    "check the dynamic group of the container instances and its policy 'Allow dynamic-group <group> "
                    + "to manage objects in compartment id \(settings.compartmentID)', which scaler-oci-hpc provision "
                    + "makes, and that the subnet reaches Object Storage"
            )
        case .outOfMemory:
            return Diagnostic(
                "the container was killed",
                why: "exit code 137\(told), as a rule for want of memory",
                remedy: "raise --instance-memory-gb"
            )
        case .signal, .ended, .unknown:
            return Diagnostic(
                "the container ended without a result",
                why: "\(instance), exit code \(exitCode)\(told)",
                remedy:
                    "check that image \(image) holds the job runner: build it with scaler-oci-hpc build-image"
            )
        }
    }

    // MARK: - Scheduler

    static func noScheduler(_ address: SchedulerAddress, why: String) -> Diagnostic {
        Diagnostic(
            "nothing of Scaler's answers at \(address.description)",
            why: why,
            remedy:
                "start scaler_scheduler (or scaler-oci-hpc up config.toml) and check host, port and firewall"
        )
    }

    static func wrongBackend(
        _ backend: String,
        of address: SchedulerAddress,
        wanted: NetworkBackend
    ) -> Diagnostic {
        Diagnostic(
            "the scheduler at \(address.description) speaks \(backend)",
            why: "--network-backend asks for \(wanted.rawValue)",
            remedy:
                "leave --network-backend out, or start the scheduler with SCALER_NETWORK_BACKEND=\(wanted.rawValue)"
        )
    }

    static func noStorageServer(_ address: SchedulerAddress) -> Diagnostic {
        Diagnostic(
            "\(address.description) is no Scaler object storage server",
            why: "it speaks ZeroMQ, as schedulers do",
            remedy: "give the address of scaler_object_storage_server as --object-storage-address"
        )
    }

    static func noClient(why: String) -> Diagnostic {
        Diagnostic(
            "no client can submit tasks",
            why: why,
            remedy:
                "install one with: python3 -m venv venv && venv/bin/pip install 'opengris-scaler[zmq]', and give "
                + "--python venv/bin/python"
        )
    }

    static func unansweredTask(_ test: String) -> Diagnostic {
        Diagnostic(
            "task \(test) was not answered",
            why: "the client ended before it",
            remedy: "look at the tasks before it"
        )
    }

    static func wrongTask(_ test: String, why: String) -> Diagnostic {
        Diagnostic(
            "task \(test) did not come back right",
            why: why,
            remedy:
                "check that a manager is connected (its log says 'registered with the scheduler'), and "
                + "its log for the task's container instance"
        )
    }
}
