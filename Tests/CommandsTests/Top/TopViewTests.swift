// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@testable import Commands
@testable import Configuration

@Suite struct TopViewTests {
    private func pressed(_ keys: [TopKey], _ start: TopView = TopView()) -> TopView {
        var view = start
        for key in keys { _ = view.press(key) }
        return view
    }

    @Test func `keys sort, reverse and scroll`() {
        var view = pressed([.character("s"), .character("r"), .down, .down, .up])
        #expect((view.sort, view.isReversed, view.offset) == (.state, true, 1))
        #expect(
            pressed([.character("s"), .character("s"), .character("s"), .character("s")]).sort == .seconds
        )
        #expect(view.press(.character("x")) == .ignore)
        #expect(view.press(.character("q")) == .quit)
        view.pageCount = 7
        #expect(pressed([.pageDown, .pageDown, .pageUp], view).offset == 8)
        #expect(pressed([.first], view).offset == 0)
    }

    @Test func `a filter is typed, taken and left`() {
        let typing: [TopKey] = [.character("/"), .character("q"), .character("x"), .erase]
        #expect(pressed(typing).typed == "q")
        #expect(pressed(typing).filter == "")
        #expect(pressed(typing + [.enter]).filter == "q")
        #expect(pressed(typing + [.escape]).filter == "")
        #expect(pressed(typing + [.enter, .escape]).filter == "")
        #expect(pressed(typing + Array(repeating: .erase, count: 5)).typed == "")
    }

    @Test func `what is chosen passes the filter, in the order asked for`() {
        let tasks = exampleSnapshot(taskCount: 6).managers[0].tasks
        #expect(TopView().chosen(of: tasks).map(\.seconds) == [307.5, 246, 184.5, 123, 61.5, 0])
        var view = TopView()
        view.filter = "running"
        #expect(view.chosen(of: tasks).map(\.state) == ["running", "running"])
        view.filter = "3333"
        view.isReversed = true
        #expect(view.chosen(of: tasks).count == 1)
        view = TopView(sort: .state)
        #expect(view.chosen(of: tasks).map(\.state).first == "creating")
        view = TopView(sort: .task, isReversed: true)
        #expect(view.chosen(of: tasks).first?.id.first == "5")
    }

    @Test(arguments: [
        ("q", [TopKey.character("q")]), ("\u{1B}[A", [.up]), ("\u{1B}OB", [.down]),
        ("\u{1B}[5~\u{1B}[6~", [.pageUp, .pageDown]), ("\u{1B}", [.escape]), ("\r\u{7F}", [.enter, .erase]),
        ("\u{1B}[1;5A", [.up]), ("\u{1B}[200~", []), ("\u{1}", []), ("ä", [.character("ä")]), ("\u{1B}[", []),
    ])
    func `bytes of a terminal are keys`(text: String, keys: [TopKey]) {
        #expect(TopKey.keys(in: Array(text.utf8)) == keys)
    }

    @Test func `bytes that are no text are no keys`() {
        #expect(TopKey.keys(in: [0xFF, 0xC3, UInt8(ascii: "q")]) == [.character("q")])
    }
}

@Suite struct StatusSnapshotTests {
    @Test func `what is there is read, and what is absent or odd counts as nothing`() throws {
        let text = """
            {"schema": 9, "time": 5, "managers": [
              {"id": "wm", "slots": {"used": 1, "limit": 1e3}, "tasks": [{"id": "t", "seconds": 1e300}, 7],
               "task_counts": {"queued": -4, "running": 99999999999999}, "ended_counts": [], "new": {}}, {}]}
            """
        let snapshot = try #require(StatusSnapshot(reading: Array(text.utf8)))
        let manager = try #require(snapshot.managers.first)
        #expect((manager.usedSlots, manager.slotLimit, manager.tasks.count) == (1, 0, 1))
        #expect(manager.tasks.first?.seconds == 1e9)
        #expect(manager.tasks.first?.manager == "wm")
        #expect(manager.taskCounts.map(\.count) == [0, StatusSnapshot.numberMax])
        #expect(snapshot.managers.count == 2)
        #expect(StatusSnapshot(reading: Array("[]".utf8)) == nil)
        #expect(StatusSnapshot(reading: Array("{}".utf8)) == nil)
        #expect(StatusSnapshot(reading: Array("<html>".utf8)) == nil)
    }

    @Test(arguments: [true, false])
    func `a document is asked for over TCP and over a path`(isPath: Bool) async throws {
        let document = #"{"version": "7", "managers": []}"#
        try await onLoop {
            let file = TemporaryFile([])
            let path = "\(file.path).socket"
            let listener = isPath ? try TCPListener(at: .unix(path: path)) : try loopbackListener()
            let server = spawn {
                guard let stream = try? await listener.accept() else { return "" }
                let request = (try? await stream.read(upTo: 4096, deadline: .after(.seconds(10)))) ?? []
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Length: \(document.utf8.count)\r\nConnection: close\r\n\r\n"
                try? await stream.write(Array((head + document).utf8), deadline: .after(.seconds(10)))
                await stream.finish(deadline: .after(.seconds(10)))
                return String(decoding: request, as: UTF8.self)
            }
            let port = listener.address.port ?? 0
            let address: StatusAddress = isPath ? .unix(path: path) : .tcp(host: "127.0.0.1", port: port)
            let snapshot = try await StatusPageClient(address: address).document()
            #expect(snapshot.version == "7")
            let host = isPath ? "localhost" : "127.0.0.1:\(port)"
            #expect(await server.value.lowercased().contains("\r\nhost: \(host)\r\n"))
            listener.close()
            await #expect(throws: StatusPageClient.Failure.self) {
                try await StatusPageClient(address: address).document()
            }
        }
    }

    @Test func `the address is the word, or that of the settings, and without both the flag is named`() throws
    {
        func address(_ arguments: [String]) throws -> String {
            try TopCommand.address(CommandInput(.top, arguments, environment: [:])).description
        }
        #expect(try address(["127.0.0.1:9100"]) == "127.0.0.1:9100")
        #expect(try address(["unix:/run/x"]) == "unix:/run/x")
        #expect(try address(["--status-address", "127.0.0.1:1"]) == "127.0.0.1:1")
        let error = #expect(throws: CommandError.self) { try address([]) }
        #expect(error?.description.contains("--status-address") == true)
        #expect(throws: CommandError.self) { try address(["nonsense"]) }
        #expect(throws: CommandError.self) { try address(["127.0.0.1:1", "127.0.0.1:2"]) }
    }
}
