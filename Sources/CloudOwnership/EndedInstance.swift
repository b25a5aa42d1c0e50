// SPDX-License-Identifier: Apache-2.0

internal import OCIServices

/// What is known of an instance that ended without a result: the one diagnosis for the daemon and for `check`.
package struct EndedInstance: Sendable {
    /// Its OCID.
    package let id: String
    /// Its last known state in the service's word; nil if nobody saw it.
    package let state: String?
    /// What the service says about its state.
    package let details: String?
    /// What its container ended with; nil if it did not run, or cannot be asked.
    package let exitCode: Int?
    /// What the service says about its container.
    package let containerDetails: String?
    /// The end of what its container wrote.
    package let lastOutput: String?

    /// Why there is no result.
    package enum Cause: Sendable, Equatable {
        /// The host had no capacity for it.
        case noRoom
        /// The container never ran.
        case notStarted
        /// The runner could not store the result for minutes.
        case storageUnreachable
        /// The runner ended well, yet nothing is stored.
        case nothingStored
        /// It was killed, as a rule for want of memory.
        case outOfMemory
        /// A signal ended the runner.
        case signal(Int)
        /// The runner ended by itself.
        case ended
        /// There is neither an exit code nor a text that tells.
        case unknown
    }

    /// The job runner's exit code when it could not store anything.
    private static let nothingStoredCode = 74

    /// An instance with what is known of it.
    package init(
        id: String,
        state: String?,
        details: String?,
        exitCode: Int? = nil,
        containerDetails: String? = nil,
        lastOutput: String? = nil
    ) {
        self.id = id
        self.state = state
        self.details = details
        self.exitCode = exitCode
        self.containerDetails = containerDetails
        self.lastOutput = lastOutput
    }

    /// Why there is no result; an exit code tells it, else the service's texts.
    package var cause: Cause {
        switch exitCode {
        case 137?: .outOfMemory
        case Self.nothingStoredCode?: .storageUnreachable
        case 0?: .nothingStored
        case let code? where code > 128: .signal(code - 128)
        case _?: .ended
        case nil: causeWithoutExitCode
        }
    }

    private var causeWithoutExitCode: Cause {
        if FailureKind.saysOutOfHostCapacity(serviceText) { return .noRoom }
        let isImage = ["pull", "image", "manifest"].contains { FailureKind.says($0, serviceText) }
        return isImage || state == LifecycleState.failed.name ? .notStarted : .unknown
    }

    /// What the service says about the instance and its container; empty if it says nothing.
    package var serviceText: String {
        [details, containerDetails].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// For the client's exception: what happened, what to do next, and the end of the output.
    package var text: String {
        var sentences = [opening, remedy]
        if let lastOutput { sentences.append("Its last output:\n\(lastOutput)") }
        return sentences.joined(separator: " ")
    }

    private var opening: String {
        var text = "Container instance \(id) ended without a result: state \(state ?? "unknown")"
        if let details, !details.isEmpty { text += " (\(details))" }
        if let exitCode { text += ", exit code \(exitCode)" }
        if let containerDetails, !containerDetails.isEmpty, containerDetails != details {
            text += " (\(containerDetails))"
        }
        return text + "."
    }

    /// What to do next, in words.
    package var remedy: String {
        switch cause {
        case .outOfMemory: "It was killed, as a rule for want of memory: raise --instance-memory-gb."
        case .storageUnreachable:
            "Its runner could not store the result for minutes: check that the subnet reaches Object Storage, and that "
                + "the dynamic group of the container instances may manage objects in the bucket."
        case .signal(let number): "It was ended by signal \(number): look for a crash in native code."
        case .nothingStored:
            "It ended well but stored nothing: check that the dynamic group of the container instances may "
                + "manage objects in the bucket."
        case .ended: "Check that the image holds the job runner and that the task does not end the process."
        case .noRoom, .notStarted, .unknown:
            "Check that the image exists and can be pulled from the subnet."
        }
    }
}
