// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

/// What a kind makes of texts: what it shows again, or the fault.
private func outcome<Value>(_ kind: ValueKind<Value>, _ texts: [String]) -> [String] {
    do throws(ValueFault) {
        return kind.show(try kind.read(texts))
    } catch {
        return ["\(error)"]
    }
}

private func accepts<Value>(_ kind: ValueKind<Value>, _ text: String) -> Bool {
    (try? kind.read([text])) != nil
}

@Suite struct ValueKindTests {
    @Test func `text is neither empty, too long nor steering a terminal`() {
        let kind = ValueKind<String>.text("TEXT", maxBytes: 4)
        #expect(outcome(kind, ["a b"]) == ["a b"])
        // Bytes count, not characters.
        #expect(accepts(kind, "éé") && !accepts(kind, "ééé"))
        #expect(!accepts(kind, "") && !accepts(kind, "a\n") && !accepts(kind, "\u{7F}"))
    }

    @Test func `a word stands in names of objects, so it has their characters alone`() {
        let kind = ValueKind<String>.word("WORD", maxBytes: 8)
        #expect(accepts(kind, "aZ09-_."))
        for text in ["a b", "a/b", "é", "a:b", "", "123456789"] { #expect(!accepts(kind, text), "\(text)") }
    }

    @Test func `a prefix has no empty component at its ends`() {
        let kind = ValueKind<String>.objectPrefix
        #expect(accepts(kind, "a") && accepts(kind, "a/b"))
        #expect(outcome(kind, ["a/"]) == ["a"] && outcome(kind, ["a/b///"]) == ["a/b"])
        for text in ["/", "//", "/a", ""] { #expect(!accepts(kind, text), "\(text)") }
    }

    @Test(arguments: [
        ("https://h", "https://h"), ("http://h:8080", "http://h:8080"), ("https://h/", "https://h"),
        ("http://[::1]:80", "http://[::1]:80"),
    ])
    func `a base URL loses the slash at its end`(_ text: String, _ shown: String) {
        #expect(outcome(ValueKind<String>.baseURL, [text]) == [shown])
    }

    @Test(arguments: [
        "", "https://", "h", "ftp://h", "https://h/path", "https://h//", "https://u@h", "https://h?a",
    ])
    func `what is no base URL is refused`(_ text: String) {
        #expect(!accepts(ValueKind<String>.baseURL, text))
    }

    @Test func `whole numbers end where their range ends`() {
        let kind = ValueKind<Int>.whole(2...4)
        for text in ["2", "4", "+3", " 3"] { #expect(accepts(kind, text), "\(text)") }
        for text in ["1", "5", "-2", "3.0", "", "_3", "3_", "99999999999999999999"] {
            #expect(!accepts(kind, text), "\(text)")
        }
        #expect(accepts(ValueKind<Int>.count, "2147483647") && !accepts(ValueKind<Int>.count, "2147483648"))
        #expect(!accepts(ValueKind<Int>.count, "0"))
    }

    @Test func `a positive number is above zero and finite`() {
        let kind = ValueKind<Double>.positive("N")
        #expect(outcome(kind, ["0.5"]) == ["0.5"])
        for text in ["0", "-1", "nan", "inf", "1e7", "x", ""] { #expect(!accepts(kind, text), "\(text)") }
    }

    @Test func `seconds are kept to the millisecond`() throws {
        let kind = ValueKind<Duration>.seconds
        #expect(try kind.read(["1.2345"]) == .milliseconds(1235))
        #expect(outcome(kind, ["3600"]) == ["3600"])
        #expect(outcome(kind, ["0.25"]) == ["0.25"])
        #expect(!accepts(kind, "0") && !accepts(kind, "0.0004") && accepts(kind, "0.001"))
        #expect(accepts(ValueKind<Duration>.secondsOrZero, "0"))
        #expect(!accepts(kind, "1000000001"))
    }

    @Test func `a switch is true or false in any case of letters, and nothing else`() {
        let kind = ValueKind<Bool>.toggle
        #expect(outcome(kind, ["True"]) == ["true"] && outcome(kind, ["FALSE"]) == ["false"])
        for text in ["1", "yes", "on", ""] { #expect(!accepts(kind, text), "\(text)") }
    }

    @Test func `a list is parted by commas or repeated, in order, without white space around its items`() {
        let kind = ValueKind<[String]>.list("ITEM")
        #expect(outcome(kind, ["a, b", "c"]) == ["a", "b", "c"])
        #expect(outcome(kind, ["a", "a"]) == ["a", "a"])
        for text in ["", "a,,b", ",a"] { #expect(!accepts(kind, text), "\(text)") }
        #expect((try? kind.read([])) == nil)
    }
}
