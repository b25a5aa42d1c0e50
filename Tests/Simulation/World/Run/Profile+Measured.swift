// SPDX-License-Identifier: Apache-2.0

/// Profiles in which nothing goes wrong and nothing is left to chance, for counting and timing (`SimulatedRun.measure`).
extension Profile {
    /// All of them.
    package static let measured: [Profile] = [quick, slow, hour]

    /// A cloud that answers at once, and tasks that take no time.
    package static let quick = together("quick", taskCount: 300) { cloud in
        cloud.answerTime = 0.005..<0.006
        cloud.creationTime = 0.02..<0.021
        cloud.containerStartTime = 0.05..<0.051
        cloud.stopTime = 0.07..<0.071
        cloud.deletionTime = 0.05..<0.051
    }

    /// A create takes 0.4 s, every other call 30 ms, a container 2 s to start and 3 s to stop, and a task 1 s.
    package static let slow = together("slow", taskCount: 100, milliseconds: 1000, slowCloud)

    /// One task of an hour in the same cloud.
    package static let hour = together("hour", taskCount: 1, milliseconds: 3_600_000) { cloud in
        slowCloud(&cloud)
    }

    private static let slowCloud: @Sendable (inout CloudSettings) -> Void = { cloud in
        cloud.answerTime = 0.03..<0.031
        cloud.createTime = 0.4..<0.401
        // A create is carried out in the middle of its time.
        cloud.creationTime = 2.2..<2.201
        cloud.containerStartTime = 0.05..<0.051
        cloud.stopTime = 3.0..<3.001
        cloud.deletionTime = 1.0..<1.001
    }

    private static func together(
        _ name: String,
        taskCount: Int,
        milliseconds: UInt64 = 0,
        _ cloud: @escaping @Sendable (inout CloudSettings) -> Void
    ) -> Profile {
        var profile = Profile(
            name: name,
            rates: [:],
            workload: Workload(
                taskCount: taskCount,
                // The daemon is idle by then.
                arrivals: .bursts(size: 1_000_000...1_000_000, pauseSeconds: 60...60),
                milliseconds: milliseconds...milliseconds,
                fillingByteCount: 0...0
            ),
            delay: 0.000_2..<0.000_3,
            baseConcurrency: 100,
            jobTimeout: .seconds(7200)
        )
        profile.workload.tasksPerClient = 1_000_000
        profile.cloud = { settings in
            settings.killTime = 0..<0.001
            settings.deletedTime = 2
            settings.pageSize = 1000
            cloud(&settings)
        }
        return profile
    }
}
