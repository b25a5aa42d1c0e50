// SPDX-License-Identifier: Apache-2.0
import Encodings

/// The environment variables through which a job runner learns of its task, and the object names that follow from
/// it; the contract is that of Scaler's own OCI manager, so that its runner images keep working.
package struct RunnerEnvironment: Equatable, Sendable {
    /// A payload longer than this is compressed before anything else; the runner treats its result alike.
    package static let compressionThresholdBytes = 4096
    /// A payload no longer than this after compression travels in the environment; OCI allows 64 KB for the whole
    /// environment of a container, and Base64 makes 4 bytes of 3.
    package static let inlineBytesMax = 28 * 1024

    /// Where the payload is.
    package enum Payload: Equatable, Sendable {
        /// In the environment itself.
        case inline([UInt8], isCompressed: Bool)
        /// In the object of this name.
        case object(name: String, isCompressed: Bool)
    }

    /// The task's id, as bytes of the wire.
    package var taskID: [UInt8]
    /// Object Storage namespace of the tenancy.
    package var namespace: String
    /// The bucket for payloads and results.
    package var bucket: String
    /// What the name of the result begins with, without a slash at the end.
    package var prefix: String
    /// Where the payload is.
    package var payload: Payload

    /// Makes an environment.
    package init(taskID: [UInt8], namespace: String, bucket: String, prefix: String, payload: Payload) {
        self.taskID = taskID
        self.namespace = namespace
        self.bucket = bucket
        self.prefix = prefix
        self.payload = payload
    }

    /// Name of the object that the runner stores the result in, compressed or not.
    package static func resultObjectName(prefix: String, taskID: [UInt8]) -> String {
        "\(prefix)/results/\(Hexadecimal.encode(taskID)).pkl"
    }

    /// The variables, always all of them, in a fixed order.
    package var variables: [(name: String, value: String)] {
        let (objectName, encoded, isCompressed) =
            switch payload {
            case .inline(let bytes, let isCompressed): ("none", Base64.encode(bytes), isCompressed)
            case .object(let name, let isCompressed): (name, "", isCompressed)
            }
        return [
            ("TASK_ID", Hexadecimal.encode(taskID)), ("OCI_NAMESPACE", namespace), ("OCI_BUCKET", bucket),
            ("OCI_PREFIX", prefix), ("OCI_OBJECT_KEY", objectName), ("PAYLOAD_B64", encoded),
            ("COMPRESSED", isCompressed ? "1" : "0"),
        ]
    }
}
