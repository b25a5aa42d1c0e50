// SPDX-License-Identifier: Apache-2.0

package import SchedulerMessages

/// How a simulated scheduler is set up.
package struct SchedulerSettings: Sendable {
    /// What carries the messages of managers and workers; the object storage always speaks YMQ.
    package enum Transport: Sendable {
        case ymq, zmq
    }

    /// Which number of workers it asks its manager for (scaler-wire, 5.2).
    package enum Scaling: Sendable {
        /// The policy `vanilla`: more workers while there are over ten tasks for each, none without tasks.
        case vanilla
        /// Always this number.
        case fixed(UInt32)
        /// A number of this range, drawn anew after each such time; other managers and policies do so.
        case wandering(ClosedRange<UInt32>, every: Duration)
        /// No command ever: the policy `no`.
        case none
    }

    /// `host:port` where it listens.
    package var address: String
    /// `host:port` of its object storage, as it tells the workers.
    package var storageAddress: String
    /// The first is 2.6.0, the second 2.9.0.
    package var generation: WireGeneration
    /// What carries the messages.
    package var transport: Transport
    /// How often managers and workers are to send heartbeats.
    package var heartbeatInterval: Duration
    /// How long a message takes one way at most, if nothing goes wrong.
    package var messageTime: Duration
    /// How many workers it asks for.
    package var scaling = Scaling.vanilla
    /// Whether it sends no command when the number of workers is the desired one, as 2.5.0.
    package var omitsUnchangedCommands = false
    /// A worker unseen for longer is forgotten, and its tasks are placed again (`-wt`).
    package var workerTimeout = Duration.seconds(60)
    /// How long a worker may take to answer a cancel that it got.
    package var cancelAnswerTimeMax = Duration.seconds(60)
    /// After so long somebody notices that a message was swallowed by a reset, or that the scheduler hangs.
    package var patience = Duration.seconds(600)

    /// Settings with the defaults of a scheduler.
    package init(
        address: String,
        storageAddress: String,
        generation: WireGeneration,
        transport: Transport,
        heartbeatInterval: Duration = .seconds(2),
        messageTime: Duration = .zero
    ) {
        self.address = address
        self.storageAddress = storageAddress
        self.generation = generation
        self.transport = transport
        self.heartbeatInterval = heartbeatInterval
        self.messageTime = messageTime
    }

    /// Host and port of the storage.
    var storageEndpoint: (host: String, port: UInt16) {
        let parts = storageAddress.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]) else {
            preconditionFailure("\(storageAddress) is not host:port")
        }
        return (String(parts[0]), port)
    }
}
