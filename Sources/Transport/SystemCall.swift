// SPDX-License-Identifier: Apache-2.0
//
// The one place where a system call becomes a value.
//
// Rule: errno belongs to the last call into the C library, and Swift may slip one in (a release, a free)
// between the call and the look. Consequence: errno is read on the line after the call, here and nowhere
// else. EINTR is looped away; would-block is a value, for it is the normal state of a socket; a descriptor
// or an address that the kernel does not know is a bug of ours and traps.

internal import EventLoop
internal import Glibc

/// A system call that failed: which one, and why.
package struct SystemCallError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Name of the call, as in section 2 of the manual.
    package let call: String
    /// The value of errno.
    package let number: Int32

    /// The failure of `call` with errno `number`.
    package init(call: String, number: Int32) {
        self.call = call
        self.number = number
    }

    package var description: String { "\(call): \(String(cString: strerror(number)))" }
}

/// Runs `body` until it is not interrupted; nil when it would block, else its result, 0 or more.
func systemCall(_ name: StaticString, _ body: () -> Int) throws(SystemCallError) -> Int? {
    while true {
        let result = body()
        let number = errno
        if result >= 0 { return result }
        switch number {
        case EINTR: continue
        case EAGAIN:  // the same number as EWOULDBLOCK
            return nil
        case EBADF, EFAULT, ENOTSOCK:
            // Going on would read or write somebody else's file.
            preconditionFailure("\(name) failed with errno \(number): a bug of this program")
        default: throw SystemCallError(call: "\(name)", number: number)
        }
    }
}

/// `systemCall` for calls that never block.
@discardableResult
func promptSystemCall(_ name: StaticString, _ body: () -> Int) throws(SystemCallError) -> Int {
    guard let result = try systemCall(name, body) else {
        throw SystemCallError(call: "\(name)", number: EAGAIN)
    }
    return result
}

/// The bytes that `body`, run like any system call, puts into a buffer of `maximumCount`; nil when it would block.
func bytesOfSystemCall(
    _ name: StaticString,
    upTo maximumCount: Int,
    _ body: (UnsafeMutablePointer<UInt8>?) -> Int
) throws(SystemCallError) -> [UInt8]? {
    var outcome: Result<Int?, SystemCallError> = .success(nil)
    let bytes = [UInt8](unsafeUninitializedCapacity: maximumCount) { buffer, count in
        let start = buffer.baseAddress
        outcome = Result { () throws(SystemCallError) in try systemCall(name) { body(start) } }
        if case .success(let received?) = outcome { count = received }
    }
    return try outcome.get() == nil ? nil : bytes
}

/// Where received bytes arrive: there must be room for many, and as a rule few come.
@LoopActor
enum ReceiveRoom {
    private static nonisolated(unsafe) let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 64 * 1024,
        alignment: 16
    )

    /// The bytes that `body` puts into a buffer of at most `maximumCount` and counts, in an array that is no larger; nil
    /// where it counts none because there are none.
    static func bytes<Failure: Error>(
        upTo maximumCount: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int?
    ) throws(Failure) -> [UInt8]? {
        let buffer = UnsafeMutableRawBufferPointer(rebasing: room.prefix(maximumCount))
        return try body(buffer).map { Array(buffer.prefix($0)) }
    }
}

/// Runs `body` and says of its errors in which phase they came up.
func during<Value>(
    _ phase: TransportPhase,
    _ body: () throws(SystemCallError) -> Value
) throws(TransportError) -> Value {
    do throws(SystemCallError) { return try body() } catch { throw .systemCall(error, phase) }
}
