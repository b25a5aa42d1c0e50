// SPDX-License-Identifier: Apache-2.0

/// One of a fixed set of words.
protocol WordChoice: RawRepresentable<String>, CaseIterable, Sendable, Equatable {}

/// Transport to the scheduler.
package enum NetworkBackend: String, WordChoice {
    /// Told from the first bytes that the scheduler sends.
    case auto
    case zmq
    /// Scaler's own framing over TCP.
    case ymq
}

/// Whose messages the scheduler speaks, where its bytes do not tell.
package enum SchedulerRelease: String, WordChoice {
    /// Both kinds of heartbeat take turns until one is answered.
    case auto
    /// Those of Scaler 2.5.0 to 2.6.0.
    case first = "2.5"
    /// Those of Scaler 2.7.0 and later.
    case second = "2.7"
}

/// How requests to OCI are signed.
package enum AuthType: String, WordChoice {
    /// The API key of `~/.oci/config`.
    case configFile = "config_file"
    /// The certificate of the compute instance that the daemon runs on.
    case instancePrincipal = "instance_principal"
    /// The token that OCI gives to the container or function that the daemon runs in.
    case resourcePrincipal = "resource_principal"
    /// The session token of `~/.oci/config`.
    case securityToken = "security_token"
}

/// What happens to running container instances when the daemon stops.
package enum OnExit: String, WordChoice {
    case delete
    /// They go on; the next process adopts them.
    case leave
}

/// Form of the log's lines.
package enum LogFormat: String, WordChoice {
    case text
    case json
}

/// Severity, with the names of the command that this replaces.
package enum LoggingLevel: String, WordChoice {
    /// The daemon cannot go on.
    case critical = "CRITICAL"
    /// Something failed for good.
    case error = "ERROR"
    /// Something is not as it should be and was dealt with.
    case warning = "WARNING"
    /// What an operator follows.
    case info = "INFO"
    /// What a developer follows.
    case debug = "DEBUG"
}

/// Event loops of the Python manager; both mean libev here.
enum EventLoopChoice: String, WordChoice {
    case builtin
    case uvloop
}

/// Something that workers offer, such as `gpu` or `cpu=4`.
package struct CapabilitySetting: Sendable, Equatable {
    /// Never empty.
    package let name: String
    /// The amount; -1 when none was given, as on the wire.
    package let value: Int64
}

/// A tag of the user's own, `KEY=VALUE`.
package struct FreeformTagSetting: Sendable, Equatable {
    /// Never empty, never one of the daemon's (`scaler-...`).
    package let key: String
    /// May be empty.
    package let value: String
}

/// A tag in a tag namespace, `NAMESPACE.KEY=VALUE`.
package struct DefinedTagSetting: Sendable, Equatable {
    /// Never empty.
    package let namespace: String
    /// Never empty.
    package let key: String
    /// May be empty.
    package let value: String
}
