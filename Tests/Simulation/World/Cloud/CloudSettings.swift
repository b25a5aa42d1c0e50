// SPDX-License-Identifier: Apache-2.0

/// How a simulated cloud is set up: whose daemon uses it, and what the service is like.
///
/// Times are in seconds, and each is drawn evenly from its range, as a function of seed and task.
package struct CloudSettings: Sendable {
    /// What the daemon writes into the tag `scaler-owner` of its instances.
    package var ownerID: String
    /// What the names of all the daemon's objects begin with, without a slash at the end.
    package var objectPrefix: String
    /// The daemon's `--base-concurrency`.
    package var baseConcurrency: Int
    /// The daemon's `--max-requests-per-second`: so many reads and so many writes of each service.
    package var requestsPerSecond: Double

    /// The compartment of all instances.
    package var compartmentID = "ocid1.compartment.oc1..simulated"
    /// Subnets that instances may be in.
    package var subnetIDs = ["ocid1.subnet.oc1.iad.simulated"]
    /// The namespace of the tenancy in Object Storage.
    package var namespace = "simulated"
    /// The one bucket.
    package var bucket = "scaler"
    /// Full names of the availability domains.
    package var availabilityDomains = ["Sim:US-ASHBURN-AD-1", "Sim:US-ASHBURN-AD-2", "Sim:US-ASHBURN-AD-3"]
    /// Names of the shapes that there are.
    package var shapes = ["CI.Standard.E4.Flex", "CI.Standard.E3.Flex"]

    /// How long an answer takes.
    package var answerTime = 0.01..<0.1
    /// How long the answer to a create takes, where that is other than usual.
    package var createTime: Range<Double>?
    /// From CREATING to ACTIVE.
    package var creationTime = 3.0..<20
    /// From ACTIVE to the first line of the task: the runner starts and loads its payload.
    package var containerStartTime = 0.2..<1.5
    /// From the end of the container to INACTIVE; the instance is UPDATING meanwhile.
    package var stopTime = 2.0..<15
    /// From an accepted deletion until the container is killed; what it stores before that is stored.
    package var killTime = 0.0..<2
    /// From an accepted deletion to DELETED.
    package var deletionTime = 4.0..<30
    /// How long a record stays visible as DELETED.
    package var deletedTime = 300.0
    /// From CREATING to FAILED, where there turns out to be no room.
    package var lateRefusalTime = 2.0..<30

    /// How much longer a slow start takes at most.
    package var slowStartMax = 600.0
    /// How much longer a slow deletion takes at most.
    package var slowDeletionMax = 240.0
    /// How long a listing shows the past at most.
    package var staleMax = 20.0
    /// How long after a change the lists of single states show an instance in neither at most.
    package var unlistedMax = 10.0
    /// How late a result shows at most.
    package var lateResultMax = 20.0
    /// The daemon's `--create-timeout`: a start that takes longer is a reason to fail a task.
    package var createTimeout = 900.0

    /// The most items on a page of a listing of instances, whatever the caller asks for.
    package var pageSize = 1000
    /// The most items on a page of a listing of objects.
    package var objectPageSize = 1000
    /// Whether an instance can be deleted while it is CREATING; else 409 IncorrectState.
    package var isDeletableWhileCreating = false
    /// Whether an instance can be deleted while it is UPDATING; else 409 IncorrectState.
    package var isDeletableWhileUpdating = true

    /// Settings of a daemon, and a service with usual times.
    package init(ownerID: String, objectPrefix: String, baseConcurrency: Int, requestsPerSecond: Double) {
        self.ownerID = ownerID
        self.objectPrefix = objectPrefix
        self.baseConcurrency = baseConcurrency
        self.requestsPerSecond = requestsPerSecond
    }
}
