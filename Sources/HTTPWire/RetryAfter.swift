// SPDX-License-Identifier: Apache-2.0

internal import Encodings

extension HeaderFields {
    /// How long the server asks us to wait (Retry-After, RFC 9110 section 10.2.3), at most `maximum`.
    ///
    /// It may be a number of seconds or a date, which is compared with `now` in seconds since 1970. Nil if the field
    /// is absent or says nothing sensible; zero for a date that has passed.
    package func retryAfter(now: Int, atMost maximum: Duration) -> Duration? {
        guard let text = self["retry-after"] else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ Grammar.decimalDigit($0) != nil }) {
            // What Int32 cannot hold is longer than any patience.
            return min(.seconds(Int32(text) ?? .max), maximum)
        }
        guard let date = HTTPDate.secondsSinceEpoch(text) else { return nil }
        return min(.seconds(max(date - now, 0)), maximum)
    }
}
