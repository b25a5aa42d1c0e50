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
            .invocation(
                "group",
                placeholder: "NAME",
                "Group whose members may launch tasks; 'dynamic-group NAME' for hosts, 'none' for no "
                    + "statements (default: the caller's own group)."
            ),
            .invocation("image", placeholder: "IMAGE", "The same as --container-image."),
            .invocation("bucket", placeholder: "BUCKET", "The same as --object-storage-bucket."),
            .invocation("job-timeout", placeholder: "MINUTES", "As --job-timeout-seconds, in minutes."),
            .invocation(
                "scheduler",
                placeholder: "ADDRESS",
                "Scheduler address for the configuration file (default: tcp://127.0.0.1:8516)."
            ),
            .invocation(
                "config",
                short: "c",
                placeholder: "FILE",
                "Where to save what was made (default: \(savedConfiguration))."
            ),
            .invocation(
                "env-file",
                placeholder: "FILE",
                "Where to write export lines for a shell (default: \(savedEnvironment))."
            ),
            .invocation(
                "config-toml",
                placeholder: "FILE",
                "Where to write a configuration file, unless there is one (default: \(configurationFile))."
            ),
            .invocation("dry-run", "Print every call and change nothing."),
        ] + cloudOptions,
        settings: [
            "compartment-id", "availability-domain", "subnet-id", "instance-shape", "instance-ocpus",
            "instance-memory-gb", "container-image", "base-concurrency", "job-timeout-seconds",
            "worker-manager-id", "object-storage-address", "object-storage-bucket", "object-storage-prefix",
            "freeform-tag", "defined-tag", "image-pull-secret-id",
        ] + cloudSettings,
        synonyms: cloudSynonyms.merging(
            ["image": "container-image", "bucket": "object-storage-bucket"]
        ) { $1 }
    )

    static let cleanup = CommandForm(
        "cleanup",
        "Remove what provision created, and nothing else.",
        details: """
            Says what it found and asks before it removes anything. What does not bear the tag
            that provision sets stays.
            """,
        own: [
            configOption, prefixOption,
            .invocation("yes", short: "y", "Do not ask."),
            .invocation("dry-run", "Say what would be removed, and remove nothing."),
        ] + cloudOptions,
        settings: ["compartment-id", "object-storage-bucket"] + cloudSettings,
        synonyms: cloudSynonyms
    )

    static let show = CommandForm(
        "show",
        "Show what provision saved, and what of it exists.",
        own: [configOption, .invocation("json", "Print JSON.")] + cloudOptions,
        settings: cloudSettings,
        synonyms: cloudSynonyms
    )

    static let listDomains = CommandForm(
        "list-ads",
        "List the region's availability domains.",
        own: cloudOptions,
        settings: ["compartment-id"] + cloudSettings,
        synonyms: cloudSynonyms
    )

    static let buildImage = CommandForm(
        "build-image",
        "Build the job runner's image and push it to the registry.",
        details: """
            Uses docker or podman, whichever answers. Logs in to OCIR with an auth token from the
            environment variable OCI_AUTH_TOKEN (user from --user), or else as whoever signs the
            calls to OCI, with a token that lives some minutes.
            """,
        own: [
            configOption,
            .invocation("image", short: "t", placeholder: "IMAGE", "The same as --container-image."),
            .invocation("engine", placeholder: "NAME", "docker, podman or a path (default: what answers)."),
            .invocation(
                "base-image",
                placeholder: "IMAGE",
                "Image to build upon; needs Python 3.9 or newer with pip (default: python:3.11-slim)."
            ),
            .invocation(
                "pip",
                placeholder: "REQUIREMENTS",
                "Python packages that tasks import, parted by spaces, e.g. 'numpy pandas==2.2'."
            ),
            .invocation(
                "platform",
                placeholder: "PLATFORM",
                "Platform to build for (default: linux/arm64 for A1 shapes, else linux/amd64)."
            ),
            .invocation(
                "user",
                placeholder: "NAME",
                "User of the auth token, without the namespace: name, or domain/name."
            ),
            .invocation(
                "context",
                placeholder: "DIRECTORY",
                "Keep what the image is built from here (default: a directory that is removed)."
            ),
            .invocation("no-login", "The engine is logged in already."),
            .invocation("no-push", "Build only."),
            .invocation("print", "Print the commands and run none."),
        ] + cloudOptions,
        settings: ["container-image", "compartment-id", "instance-shape"] + cloudSettings,
        synonyms: cloudSynonyms.merging(["image": "container-image"]) { $1 }
    )

    static let check = CommandForm(
        "check",
        "Check that tasks can run: access, storage, a real container, the scheduler.",
        details: """
            Settings come from flags, the environment and --config, which may name what provision
            saved or a configuration file. Exits with 0 if nothing failed, 1 if something did.
            """,
        own: [
            configOption,
            .invocation(
                "phase",
                placeholder: "PHASE",
                "all, connectivity, storage, lifecycle or scheduler (default: all)."
            ),
            .invocation(
                "scheduler",
                placeholder: "ADDRESS",
                "Scheduler to submit tasks to; without it that phase is left out."
            ),
            .invocation("test", placeholder: "NAME", "all, sqrt, simple, map or compute (default: all)."),
            .invocation(
                "timeout",
                placeholder: "SECONDS",
                "Longest wait for one container and for each task (default: 600)."
            ),
            .invocation(
                "python",
                placeholder: "PATH",
                "Python with opengris-scaler, for the scheduler phase (default: python3)."
            ),
            .invocation("json", "Print JSON."),
        ] + cloudOptions,
        settings: [
            "compartment-id", "availability-domain", "subnet-id", "container-image", "instance-shape",
            "instance-ocpus", "instance-memory-gb", "object-storage-namespace", "object-storage-bucket",
            "object-storage-prefix", "object-storage-address", "base-concurrency", "job-timeout-seconds",
            "image-pull-username", "image-pull-password", "image-pull-secret-id", "network-backend",
        ] + cloudSettings,
        synonyms: cloudSynonyms
    )

    static let up = CommandForm(
        "up",
        "Start object storage server, scheduler and managers of a configuration file.",
        details: """
            Runs scaler_object_storage_server and scaler_scheduler from PATH if the file has their
            sections, then the managers of type oci_hpc in this process. Ends when one of
            them ends, or at SIGTERM or SIGINT, in reverse order. Takes every flag that the
            program takes without a subcommand, too.
            """,
        usage: "[--config] config.toml",
        own: [.invocation("config", short: "c", placeholder: "FILE", "The configuration file.")],
        settings: []
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
            .invocation("all-owners", "List what bears the tag of any manager, on whichever host it runs."),
            .invocation("json", "Print JSON."),
        ] + cloudOptions,
        settings: ownedResourcesSettings + cloudSettings,
        synonyms: cloudSynonyms
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
            .invocation("yes", short: "y", "Do not ask."),
            .invocation("force", "Delete although the owner's daemon lives, or may."),
            .invocation("dry-run", "Print every call and delete nothing."),
            .invocation("timeout", placeholder: "SECONDS", "How long to try (default: 600)."),
        ] + cloudOptions,
        settings: ownedResourcesSettings + cloudSettings,
        synonyms: cloudSynonyms
    )

    private static let ownedResourcesSettings = [
        "worker-manager-id", "owner-id", "compartment-id", "object-storage-namespace",
        "object-storage-bucket", "object-storage-prefix",
    ]
    private static let managersOption = Option.invocation(
        "config",
        short: "c",
        placeholder: "FILE",
        "Configuration file of the managers (default: \(configurationFile), if it is there)."
    )
    private static let schedulerOption = Option.invocation(
        "scheduler",
        placeholder: "ADDRESS",
        "Scheduler that the manager worked for, as it was told."
    )

    static let all = [provision, buildImage, check, up, show, listDomains, list, reap, cleanup]
}
