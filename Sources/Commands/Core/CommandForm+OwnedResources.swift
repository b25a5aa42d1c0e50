// SPDX-License-Identifier: Apache-2.0

internal import Configuration

/// The forms that ask whose things are meant.
extension CommandForm {
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
}
