// SPDX-License-Identifier: Apache-2.0

package import HTTPWire

/// A complete answer, whatever its status.
package struct HTTPResponse: Sendable {
    /// Status and fields.
    package let head: ResponseHead
    /// The body, or `.none` if there was none or it was streamed.
    package let body: HTTPBody
    /// Whether the body of a failure was longer than is kept of one.
    package let isCutShort: Bool

    /// The status, 200...999.
    package var status: Int { head.status }
    /// The fields.
    package var headers: HeaderFields { head.headers }
    /// The body if it is in memory, else nothing.
    package var bytes: [UInt8] { if case .bytes(let bytes) = body { bytes } else { [] } }
}
