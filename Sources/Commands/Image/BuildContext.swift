// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Transport

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
            do throws(TransportError) {
                try replaceFile(path, with: bytes)
            } catch {
                throw .file(path: path, error)
            }
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
