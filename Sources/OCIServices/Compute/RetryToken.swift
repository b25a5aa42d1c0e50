// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import Transport

/// The `opc-retry-token` of a launch (Container Instances API: at most 64 characters, remembered for 24 hours).
package enum RetryToken {
    /// The token of one launch: the same for the same arguments, in this process or the next, so that a launch
    /// whose answer was lost is answered with the instance it made.
    ///
    /// `generation` is raised when the instance of a token is known to be gone; `placement` is the place tried, for
    /// a token that comes with another body is refused.
    package static func make(owner: String, task: String, generation: Int, placement: String) -> String {
        let parts = [owner, task, String(generation), placement]
        // Lengths go first, or ("a", "bc") and ("ab", "c") would be one launch.
        let text = parts.map { "\($0.utf8.count):\($0)" }.joined()
        return Hexadecimal.encode(DigestAlgorithm.sha256.digest(Array(text.utf8)))
    }
}
