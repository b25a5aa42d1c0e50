// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HTTPWire
import TestSupport
import Testing

@testable import OCIServices

/// Listings that a service makes long, wrong or endless.
@Suite(.timeLimit(.minutes(1))) struct ListingTests {
    private static func item(_ id: String, _ state: String = "ACTIVE") -> String {
        #"{"id":"\#(id)","lifecycleState":"\#(state)","freeformTags":{"k":"v"}}"#
    }

    private static func page(_ items: [String], next: String? = nil) -> String {
        let body = #"{"items":["# + items.joined(separator: ",") + "]}"
        return answer(200, body, next.map { ["opc-next-page: \($0)"] } ?? [])
    }

    @Test func `a page token that comes a second time ends the listing of instances with an error`()
        async throws
    {
        try await onLoop {
            let service = try ScriptedService([
                Self.page([Self.item("a")], next: "t1"), Self.page([], next: "t2"), Self.page([], next: "t1"),
            ])
            let error = await failure(of: {
                try await service.instances.all(deadline: .after(.seconds(2))) { $0 }
            })
            guard case .malformedAnswer(.listContainerInstances, _, let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("page"))
            #expect(service.requests.count == 3)
            service.stop()
        }
    }

    @Test func `an object listing that begins where it began before ends with an error`() async throws {
        try await onLoop {
            let service = try ScriptedService([answer(200, #"{"objects":[],"nextStartWith":"p/a"}"#)])
            let error = await failure(of: {
                try await service.objects.all(prefix: "p/", deadline: .after(.seconds(2)))
            })
            guard case .malformedAnswer(.listObjects, _, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(service.requests.count == 2)
            service.stop()
        }
    }

    @Test func `an object listing hands over each page before it asks for the next`() async throws {
        try await onLoop {
            let service = try ScriptedService([
                answer(200, #"{"objects":[{"name":"p/a"},{"name":"p/b"}],"nextStartWith":"p/c"}"#),
                answer(200, #"{"objects":[{"name":"p/c"}]}"#),
            ])
            var pages: [[String]] = []
            var requestCounts: [Int] = []
            try await service.objects.forEachPage(prefix: "p/", deadline: soon) {
                pages.append($0.map(\.name))
                requestCounts.append(service.requests.count)
            }
            #expect(pages == [["p/a", "p/b"], ["p/c"]])
            #expect(requestCounts == [1, 2])
            service.stop()
        }
    }

    @Test(arguments: [
        #"{"id":"..","lifecycleState":"ACTIVE"}"#, #"{"id":".","lifecycleState":"ACTIVE"}"#,
        #"{"id":"","lifecycleState":"ACTIVE"}"#, #"{"id":"a/../b","lifecycleState":"ACTIVE"}"#,
        #"{"id":"\u202e","lifecycleState":"ACTIVE"}"#, #"{"id":"a b","lifecycleState":"ACTIVE"}"#,
        #"{"id":null,"lifecycleState":"ACTIVE"}"#, #"{"id":"b","lifecycleState":null}"#, #"{"id":7}"#,
        "null", "7", #"[{"id":"c"}]"#,
    ])
    func `an item that cannot be read is passed over, and one line says so`(_ odd: String) async throws {
        try await onLoop {
            let service = try ScriptedService([Self.page([Self.item("a"), odd, Self.item("z")])])
            for _ in 0..<3 {
                let found = try await service.instances.all(deadline: soon) { $0.id }
                #expect(found == ["a", "z"])
            }
            #expect(service.notices.count == 1)
            service.stop()
        }
    }

    @Test func `an object without a name is passed over`() async throws {
        try await onLoop {
            let service = try ScriptedService([
                answer(200, #"{"objects":[{"name":"p/a"},{"name":null},{"name":"p/b"}]}"#)
            ])
            let found = try await service.objects.all(prefix: "p/", deadline: soon)
            #expect(found.map(\.name) == ["p/a", "p/b"])
            service.stop()
        }
    }

    @Test func `an instance that several lists show counts once, as the later one shows it`() {
        var listing = InstanceListing<String>()
        for (id, state) in [("a", "CREATING"), ("b", "ACTIVE"), ("a", "ACTIVE")] {
            listing.add(state, id: id)
        }
        #expect(listing.wanted == ["ACTIVE", "ACTIVE"])
        #expect(!listing.mayMissSome)
        listing.isInParts = true
        #expect(listing.mayMissSome)
    }

    @Test func `a listing that had an item passed over may have missed some`() async throws {
        try await onLoop {
            let service = try ScriptedService([Self.page([#"{"id":null}"#, Self.item("a")])])
            let listing = try await service.instances.living(
                isInParts: false,
                known: { _ in false },
                deadline: soon,
                tagged: { _ in true },
                { $0.id }
            )
            #expect(listing.wanted == ["a"])
            #expect(listing.mayMissSome && !listing.isInParts)
            service.stop()
        }
    }

    @Test func `after a listing that had to go on, nine begin state by state, and the tenth tries again`() {
        var form = ListingForm()
        var begun: [Bool] = []
        for _ in 0..<22 {
            begun.append(form.isInParts)
            form.ended(isInParts: true)
        }
        let ten = [false] + Array(repeating: true, count: 9)
        #expect(begun == ten + ten + [false, true])
        while form.isInParts { form.ended(isInParts: true) }
        form.ended(isInParts: false)
        #expect(!form.isInParts)
    }

    @Test func `a page with more items than were asked for is no answer`() async throws {
        try await onLoop {
            let service = try ScriptedService([
                Self.page((0..<1001).map { Self.item("i\($0)") })
            ])
            let error = await failure(of: {
                try await service.instances.all(deadline: .after(.seconds(2))) { $0 }
            })
            guard case .malformedAnswer? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            service.stop()
        }
    }
}

/// What a service names that nobody asked for.
@Suite(.timeLimit(.minutes(1))) struct ForeignNameTests {
    @Test(arguments: ["..", ".", ""])
    func `an id that is a step in a path is sent nowhere`(_ id: String) async throws {
        try await onLoop {
            let service = try ScriptedService([answer(200, "{}")])
            let errors = [
                await failure(of: { try await service.instances.delete(id, deadline: soon) }),
                await failure(of: { try await service.instances.get(id, deadline: soon) }),
                await failure(of: { try await service.instances.container(id, deadline: soon) }),
                await failure(of: { try await service.instances.workRequestErrors(id, deadline: soon) }),
            ]
            for error in errors {
                guard case .unsendable? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
            #expect(service.requests.isEmpty)
            service.stop()
        }
    }

    @Test func `a part of an object that was asked for whole is no answer`() async throws {
        try await onLoop {
            let service = try ScriptedService(["HTTP/1.1 206 X\r\ncontent-length: 2\r\n\r\nok"])
            let error = await failure(of: { try await service.objects.get("a", limit: 9, deadline: soon) })
            guard case .transport(let told)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(told.error == .wire(.unrequestedPart, .head) && told.attemptCount == 1)
            service.stop()
        }
    }
}
