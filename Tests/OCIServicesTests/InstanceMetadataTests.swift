// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import TestSupport
import Testing
import Transport

@testable import OCIServices

/// What is asked of the metadata service, where, and when it is asked again.
@Suite(.timeLimit(.minutes(1))) struct InstanceMetadataTests {
    @Test func `a text is asked for as version 2 demands, and comes without white space around it`()
        async throws
    {
        try await onLoop {
            let service = MetadataService([answer(200, " \n phx\r\n")])
            let text = try await service.metadata("http://metadata:80/opc/").text(
                "/instance/region",
                deadline: soon
            )
            #expect(text == "phx")
            #expect(service.hosts == ["metadata"])
            let head = try #require(service.heads.first)
            #expect(head.hasPrefix("GET /opc/instance/region HTTP/1.1\r\n"))
            #expect(head.contains("authorization: Bearer Oracle\r\n"))
        }
    }

    @Test func `without a place of its own the service is asked at the other address if one is not reached`()
        async throws
    {
        try await onLoop {
            let service = MetadataService([answer(200, "phx")])
            service.unreachableHosts = ["169.254.169.254"]
            let text = try await service.metadata(nil).text("/instance/region", deadline: soon)
            #expect(text == "phx")
            #expect(service.hosts == ["169.254.169.254", "fd00:c1::a9fe:a9fe"])
        }
    }

    @Test(arguments: [404, 503])
    func `an answer without success is asked for once more at the same address`(status: Int) async throws {
        try await onLoop {
            let service = MetadataService([answer(status, ""), answer(200, "phx")])
            let text = try await service.metadata("http://metadata:80").text("/a", deadline: soon)
            #expect(text == "phx")
            #expect(service.heads.count == 2)
            #expect(Set(service.hosts) == ["metadata"])
        }
    }

    @Test func `who gets no answer in time is told what was the matter and where this works`() async throws {
        try await onLoop {
            let service = MetadataService([])
            service.unreachableHosts = ["metadata"]
            let error = await failure(of: {
                try await service.metadata("http://metadata:80").text(
                    "/a",
                    deadline: .after(.milliseconds(50))
                )
            })
            let text = try #require(error.map { "\($0)" })
            #expect(text.contains("did not answer for /a: no progress in time (connect)"))
            #expect(text.contains("OCI compute instances only"))
        }
    }

    @Test func `an address that is none is a mistake in the configuration`() async throws {
        try await onLoop {
            let error = await failure(of: { try MetadataService([]).metadata("metadata") })
            guard case .authentication(.configuration(let text))? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(text.contains("OCI_METADATA_BASE_URL"))
        }
    }
}

/// A service behind every address; the last of its answers is used again and again.
@LoopActor
private final class MetadataService: Connector {
    private var answers: [String]
    var unreachableHosts: Set<String> = []
    /// Hosts to which a connection was asked for, in order.
    private(set) var hosts: [String] = []
    /// Heads of the requests that arrived, in order.
    private(set) var heads: [String] = []

    init(_ answers: [String]) { self.answers = answers }

    func metadata(_ baseURL: String?) throws(OCIError) -> InstanceMetadata {
        try InstanceMetadata(client: HTTPClient(connector: self), baseURL: baseURL)
    }

    func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream {
        hosts.append(origin.host)
        if unreachableHosts.contains(origin.host) { throw .deadlinePassed(.connect) }
        do throws(TransportError) {
            let (client, server) = try await connectedPair()
            spawn { try? await self.serve(server) }
            return client
        } catch {
            throw .transport(error, .connect)
        }
    }

    private func serve(_ stream: TCPStream) async throws {
        defer { stream.close() }
        while true {
            var head = ""
            while !head.hasSuffix("\r\n\r\n") {
                let part = try await stream.read(upTo: 1 << 16, deadline: soon)
                if part.isEmpty { return }
                head += String(decoding: part, as: UTF8.self)
            }
            heads.append(head)
            let answer = answers.count > 1 ? answers.removeFirst() : answers[0]
            try await stream.write(Array(answer.utf8), deadline: soon)
        }
    }
}
