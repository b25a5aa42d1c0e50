// SPDX-License-Identifier: Apache-2.0

/// Ends the process with a message unless the condition holds; a precondition of an optimised build has no words.
func insist(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
}
