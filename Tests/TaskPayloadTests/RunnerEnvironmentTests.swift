// SPDX-License-Identifier: Apache-2.0
import TaskPayload
import Testing

@Suite struct RunnerEnvironmentTests {
    private static func variables(_ payload: RunnerEnvironment.Payload) -> [String: String] {
        let environment = RunnerEnvironment(
            taskID: [0xAB, 0x01],
            namespace: "space",
            bucket: "bucket",
            prefix: "tasks/owner",
            payload: payload
        )
        return Dictionary(uniqueKeysWithValues: environment.variables.map { ($0.name, $0.value) })
    }

    @Test func `an inline payload is in the environment`() {
        #expect(
            Self.variables(.inline([1, 2, 3, 4], isCompressed: true)) == [
                "TASK_ID": "ab01", "OCI_NAMESPACE": "space", "OCI_BUCKET": "bucket",
                "OCI_PREFIX": "tasks/owner",
                "OCI_OBJECT_KEY": "none", "PAYLOAD_B64": "AQIDBA==", "COMPRESSED": "1",
            ]
        )
    }

    @Test func `a large payload is an object, whose name the container is told`() {
        let plain = Self.variables(.object(name: "a/b.pkl", isCompressed: false))
        #expect(plain["OCI_OBJECT_KEY"] == "a/b.pkl")
        #expect(plain["PAYLOAD_B64"] == "")
        #expect(plain["COMPRESSED"] == "0")
        let packed = Self.variables(.object(name: "a/b.pkl.gz", isCompressed: true))
        #expect(packed["OCI_OBJECT_KEY"] == "a/b.pkl.gz")
        #expect(packed["COMPRESSED"] == "1")
    }

    @Test func `the result has one name, compressed or not`() {
        #expect(
            RunnerEnvironment.resultObjectName(prefix: "p/o", taskID: [0, 0xFF]) == "p/o/results/00ff.pkl"
        )
    }
}
