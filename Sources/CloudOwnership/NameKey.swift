// SPDX-License-Identifier: Apache-2.0
//
// Decision: the names of a task's objects carry a part that only this manager can compute.
//
// Rule: every container may write any object of the bucket, so whoever knows the name of another task's result can forge it,
// and whoever knows the name of its payload can replace it. The part is an HMAC over kind, task and owner: no container
// can guess it, and the next process of the same manager finds the same names again.
// Consequence: a create that is repeated, by whatever process, tells the container the same names. The generation of
// an instance is no part: all instances of a task run the same code of the same client, and a result of any of them
// answers it, whichever process adopts it.
// Rejected: a random part for each task. It dies with the process, and only a tag of the instance could bring it back,
// which is gone with the instance while the result is still there.

package import Configuration
internal import Encodings
internal import TaskEngine
package import Transport

/// The key of the parts of names that no container can guess; see the decision above.
package struct NameKey: Sendable, Equatable {
    /// What a name is for: what a container is told must not be good for anything else.
    enum Purpose: String {
        /// Result and payload, whose names the task's own container is told.
        case task
        /// The mark that a result stays, whose name no container is told.
        case mark
    }

    /// A secret file that is shorter can be guessed, and a longer one is some other file.
    package static let secretByteCounts = 32...4096

    private let bytes: [UInt8]

    /// The key of a machine without a secret file: `machineID` is known to everybody on the host, and to no container.
    package init(machineID: String) {
        bytes = Self.derived(from: Array(machineID.utf8), for: "scaler-oci-hpc object names, machine id")
    }

    /// The key that a secret stands for, the same on every host that has it.
    package init(secret: [UInt8]) {
        bytes = Self.derived(from: secret, for: "scaler-oci-hpc object names, secret file")
    }

    /// The key of a manager with these settings on this host.
    package init(_ settings: Settings) throws(NameKeyError) {
        try self.init(secretFile: settings.nameSecretFile, machineID: ProcessIdentity.machineID)
    }

    init(secretFile: String?, machineID: String?) throws(NameKeyError) {
        if let secretFile {
            self.init(secret: try Self.secret(at: secretFile))
        } else if let machineID {
            self.init(machineID: machineID)
        } else {
            throw .noMachineID
        }
    }

    private static func secret(at path: String) throws(NameKeyError) -> [UInt8] {
        let secret: [UInt8]
        do throws(TransportError) {
            secret = try readFile(path, byteCountMax: secretByteCounts.upperBound)
        } catch {
            throw .unreadable(path: path, error)
        }
        guard secretByteCounts.contains(secret.count) else {
            throw .tooShort(path: path, byteCount: secret.count)
        }
        return secret
    }

    private static func derived(from secret: [UInt8], for purpose: String) -> [UInt8] {
        authenticationCode(of: Array(purpose.utf8), key: secret)
    }

    /// 32 hexadecimal digits that nobody can compute without the key.
    func nonce(_ purpose: Purpose, of task: TaskKey, owner: String) -> String {
        // The owner is last: it alone may hold what stands between the others.
        let text = "\(purpose.rawValue)\n\(task.digits)\n\(owner)"
        return String(Hexadecimal.encode(authenticationCode(of: Array(text.utf8), key: bytes)).prefix(32))
    }
}

/// Why a manager has no key for the names of its objects.
package enum NameKeyError: Error, CustomStringConvertible {
    /// The host has no identity to derive a key from, and no secret file was given.
    case noMachineID
    /// The secret file cannot be read.
    case unreadable(path: String, TransportError)
    /// The secret file is too short to be a secret.
    case tooShort(path: String, byteCount: Int)

    private static let remedy =
        "make one with 'head -c 32 /dev/urandom > FILE; chmod 600 FILE' and give the same file to every process of "
        + "this manager"

    package var description: String {
        switch self {
        case .noMachineID:
            "this host has no machine id (/etc/machine-id), so tasks could guess the names of each other's results: "
                + "give --name-secret-file FILE; \(Self.remedy)"
        case .unreadable(let path, let error):
            "--name-secret-file: \(path) cannot be read: \(error); \(Self.remedy)"
        case .tooShort(let path, let byteCount):
            "--name-secret-file: \(path) has \(byteCount) bytes, and \(NameKey.secretByteCounts.lowerBound) are the "
                + "least that nobody can guess; \(Self.remedy)"
        }
    }
}
