// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// How the values of one kind are written, read from text and shown.
///
/// Flags, environment variables and the file's strings all pass through `read`; other TOML values are first
/// made the text they stand for, so a value means the same wherever it is given.
struct ValueKind<Value: Sendable>: Sendable {
    /// What the help puts in the value's place, such as `SECONDS`.
    let placeholder: String
    let form: ValueForm
    /// Texts to value; a kind that is no list gets exactly one text.
    let read: @Sendable ([String]) throws(ValueFault) -> Value
    /// Value to texts that read back as it.
    let show: @Sendable (Value) -> [String]
}

/// Which TOML values a kind accepts beside strings, and how its values are printed.
package enum ValueForm: Sendable, Equatable {
    case text
    case whole
    case decimal
    /// A boolean; on the command line a switch.
    case toggle
    /// An array of strings; elsewhere parted by commas.
    case list
    /// As `list`, but on the command line a flag takes all words that follow it.
    case greedyList
    /// An array of `KEY=VALUE` strings or a table of strings; elsewhere one `KEY=VALUE` for each flag.
    case pairs
}

extension ValueKind {
    /// A kind whose every value is one text; `show` gives the text that reads back as it.
    fileprivate static func single(
        _ placeholder: String,
        _ form: ValueForm = .text,
        show: @escaping @Sendable (Value) -> String = { "\($0)" },
        _ read: @escaping @Sendable (String) throws(ValueFault) -> Value
    ) -> ValueKind {
        ValueKind(
            placeholder: placeholder,
            form: form,
            read: { texts throws(ValueFault) in try read(onlyText(texts)) },
            show: { [show($0)] }
        )
    }

    /// A kind whose value is a list of `KEY=VALUE` texts.
    ///
    /// Of several elements with the same key the last counts, at its own place in the order.
    fileprivate static func pairs<Element>(
        _ placeholder: String,
        show: @escaping @Sendable (Element) -> String,
        key: @escaping @Sendable (Element) -> String,
        _ read: @escaping @Sendable (String) throws(ValueFault) -> Element
    ) -> ValueKind where Value == [Element] {
        ValueKind(
            placeholder: placeholder,
            form: .pairs,
            read: { texts throws(ValueFault) in try lastOfEach(texts, key: key, read) },
            show: { $0.map(show) }
        )
    }
}

extension ValueKind where Value == String {
    /// Text that may not be empty or hold control characters.
    static func text(_ placeholder: String, maxBytes: Int = 4096) -> ValueKind {
        .single(placeholder) { text throws(ValueFault) in try plain(text, maxBytes: maxBytes) }
    }

    /// A name that stands in object names, tags and display names: letters, digits, `-`, `_` and `.`.
    static func word(_ placeholder: String, maxBytes: Int) -> ValueKind {
        .single(placeholder) { text throws(ValueFault) in
            let word = try plain(text, maxBytes: maxBytes)
            guard word.utf8.allSatisfy(isWordByte) else {
                throw .malformed(
                    "\(quoted(word)) is not a plain name",
                    "use letters, digits, '-', '_' and '.'"
                )
            }
            return word
        }
    }

    /// The beginning of object names; slashes at its ends would make empty path components, so those at its end go.
    static var objectPrefix: ValueKind {
        .single("PREFIX") { text throws(ValueFault) in
            var prefix = try plain(text, maxBytes: 512)[...]
            while prefix.count > 1, prefix.hasSuffix("/") { prefix.removeLast() }
            guard !prefix.hasPrefix("/") else {
                throw .malformed("\(quoted(String(prefix))) begins with a slash", "drop that slash")
            }
            return String(prefix)
        }
    }

    /// Any text at all, for settings that have no effect.
    static func anyText(_ placeholder: String) -> ValueKind {
        .single(placeholder) { text throws(ValueFault) in text }
    }

    /// An http or https URL without path.
    static var baseURL: ValueKind {
        .single("URL") { text throws(ValueFault) in
            let url = text.hasSuffix("/") ? String(text.dropLast()) : text
            let rest = ["https://", "http://"].first { url.hasPrefix($0) }.map {
                url.dropFirst($0.utf8.count)
            }
            guard let rest, !rest.isEmpty, rest.utf8.allSatisfy({ isWordByte($0) || ":[]".utf8.contains($0) })
            else {
                throw .malformed("\(quoted(text)) is no base URL", "write https://HOST or https://HOST:PORT")
            }
            return url
        }
    }
}

extension ValueKind where Value == Int {
    static func whole(_ range: ClosedRange<Int>) -> ValueKind {
        let remedy = "give a whole number from \(range.lowerBound) to \(range.upperBound)"
        return .single("N", .whole) { text throws(ValueFault) in
            guard let number = Int(ungrouped(text)) else {
                throw .malformed("\(quoted(text)) is not a whole number", remedy)
            }
            guard range.contains(number) else { throw .outOfRange("\(number) is out of range", remedy) }
            return number
        }
    }

    /// The most that a field of 32 signed bits holds, which every count here must fit sooner or later.
    static var countMax: Int { 2_147_483_647 }

    static var count: ValueKind { .whole(1...countMax) }
}

extension ValueKind where Value == Double {
    /// Any number from `least` on, however large, for settings that have no effect.
    static func anyNumber(_ placeholder: String, from least: Double) -> ValueKind {
        .single(placeholder, .decimal) { text throws(ValueFault) in
            guard let number = Double(ungrouped(text)), number >= least else {
                throw .malformed(
                    "\(quoted(text)) is not such a number",
                    "give a number from \(brief(least)) on"
                )
            }
            return number
        }
    }

    /// A number above zero; a time that is divided by the least still fits a `Duration`.
    static func positive(_ placeholder: String) -> ValueKind {
        .single(placeholder, .decimal) { text throws(ValueFault) in
            try decimal(text, within: 0.001...1e6)
        }
    }
}

extension ValueKind where Value == Duration {
    /// Seconds above zero, decimals allowed; kept to the millisecond.
    static var seconds: ValueKind { seconds(from: 0.001) }

    /// Seconds, none included.
    static var secondsOrZero: ValueKind { seconds(from: 0) }

    private static func seconds(from least: Double) -> ValueKind {
        // Thirty years: far above any use, far below where the arithmetic of Duration could overflow.
        let range = least...1e9
        return .single("SECONDS", .decimal, show: secondsText) { text throws(ValueFault) in
            .milliseconds(Int64((try decimal(text, within: range) * 1000).rounded()))
        }
    }

    @Sendable
    private static func secondsText(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return attoseconds == 0 ? "\(seconds)" : "\(Double(seconds) + Double(attoseconds) / 1e18)"
    }
}

extension ValueKind where Value == Bool {
    static var toggle: ValueKind {
        .single("", .toggle) { text throws(ValueFault) in
            switch text.lowercased() {
            case "true": return true
            case "false": return false
            default: throw .malformed("\(quoted(text)) is no boolean", "give true or false")
            }
        }
    }
}

extension ValueKind where Value: WordChoice {
    /// One of the type's words, in any case of letters.
    static var choice: ValueKind {
        let words = Value.allCases.map(\.rawValue)
        return .single(words.joined(separator: "|"), show: \.rawValue) { text throws(ValueFault) in
            guard let index = words.firstIndex(where: { $0.lowercased() == text.lowercased() }),
                let value = Value(rawValue: words[index])
            else {
                throw .malformed(
                    "\(quoted(text)) is no choice",
                    "give one of \(words.joined(separator: ", "))"
                )
            }
            return value
        }
    }
}

extension ValueKind where Value == SchedulerAddress {
    static var address: ValueKind {
        .single("ADDRESS", show: \.description) { text throws(ValueFault) in try SchedulerAddress(text) }
    }
}

extension ValueKind where Value == StatusAddress {
    /// `HOST:PORT` or `unix:PATH`.
    static var statusAddress: ValueKind {
        .single("HOST:PORT", show: \.description) { text throws(ValueFault) in try StatusAddress(text) }
    }
}

extension ValueKind where Value == [String] {
    /// One or more texts, parted by commas or repeated, in order.
    static func list(_ placeholder: String, _ form: ValueForm = .list) -> ValueKind {
        ValueKind(
            placeholder: placeholder,
            form: form,
            read: { texts throws(ValueFault) in
                var items: [String] = []
                for text in texts {
                    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
                        items.append(try plain(trimmed(item), maxBytes: 4096))
                    }
                }
                guard !items.isEmpty else { throw .outOfRange("the list is empty", "give one or more") }
                return items
            },
            show: { $0 }
        )
    }
}

extension ValueKind where Value == [CapabilitySetting] {
    /// `gpu,cpu=4`; empty means none.
    static var capabilities: ValueKind {
        ValueKind(
            placeholder: "NAME[=N],...",
            form: .text,
            read: { texts throws(ValueFault) in
                guard !onlyText(texts).isEmpty else { return [] }
                let items = onlyText(texts).split(separator: ",", omittingEmptySubsequences: false)
                return try lastOfEach(items, key: \.name, capability)
            },
            show: { capabilities in
                let items = capabilities.map { $0.value == -1 ? $0.name : "\($0.name)=\($0.value)" }
                return items.isEmpty ? [] : [items.joined(separator: ",")]
            }
        )
    }

    private static func capability(_ item: Substring) throws(ValueFault) -> CapabilitySetting {
        let remedy = "write e.g. gpu,cpu=4"
        let (left, right) = cut(item, at: "=")
        let name = trimmed(left)
        guard !name.isEmpty else { throw .malformed("\(quoted(String(item))) has no name", remedy) }
        _ = try plain(name, maxBytes: 256)
        guard let right else { return CapabilitySetting(name: name, value: -1) }
        guard let value = Int64(ungrouped(right)) else {
            throw .malformed("the value of \(quoted(name)) is not a whole number", remedy)
        }
        return CapabilitySetting(name: name, value: value)
    }
}

extension ValueKind where Value == [FreeformTagSetting] {
    /// `KEY=VALUE`, repeated.
    static var freeformTags: ValueKind {
        let show = { @Sendable (tag: FreeformTagSetting) in "\(tag.key)=\(tag.value)" }
        return .pairs("KEY=VALUE", show: show, key: \.key) { text throws(ValueFault) in
            let (key, value) = try tagParts(text, remedy: "write KEY=VALUE")
            guard !key.hasPrefix("scaler-") else {
                throw .malformed(
                    "\(quoted(key)) is reserved",
                    "choose a key that does not begin with scaler-"
                )
            }
            return FreeformTagSetting(key: key, value: value)
        }
    }
}

extension ValueKind where Value == [DefinedTagSetting] {
    /// `NAMESPACE.KEY=VALUE`, repeated.
    static var definedTags: ValueKind {
        let name = { @Sendable (tag: DefinedTagSetting) in "\(tag.namespace).\(tag.key)" }
        let show = { @Sendable (tag: DefinedTagSetting) in "\(name(tag))=\(tag.value)" }
        return .pairs("NAMESPACE.KEY=VALUE", show: show, key: name) { text throws(ValueFault) in
            let remedy = "write NAMESPACE.KEY=VALUE"
            let (name, value) = try tagParts(text, remedy: remedy)
            let (namespace, key) = cut(name[...], at: ".")
            guard !namespace.isEmpty, let key, !key.isEmpty else {
                throw .malformed("\(quoted(text)) names no namespace and key", remedy)
            }
            return DefinedTagSetting(namespace: String(namespace), key: String(key), value: value)
        }
    }
}

// MARK: - Pieces

/// The one text of a kind that is no list: the scanner and the file reader give exactly one.
private func onlyText(_ texts: [String]) -> String {
    precondition(texts.count == 1, "a scalar kind was given \(texts.count) texts")
    return texts[0]
}

/// What `texts` are read as; of several elements with the same key only the last.
private func lastOfEach<Text, Element>(
    _ texts: [Text],
    key: (Element) -> String,
    _ read: (Text) throws(ValueFault) -> Element
) throws(ValueFault) -> [Element] {
    var elements: [Element] = []
    for text in texts {
        let new = try read(text)
        elements.removeAll { key($0) == key(new) }
        elements.append(new)
    }
    return elements
}

private func plain(_ text: String, maxBytes: Int) throws(ValueFault) -> String {
    guard !text.isEmpty else { throw .outOfRange("the value is empty", "give a value") }
    guard text.utf8.count <= maxBytes else {
        throw .outOfRange("the value is longer than \(maxBytes) bytes", "shorten it")
    }
    guard text.utf8.allSatisfy(\.isPrintable) else {
        throw .malformed("\(quoted(text)) holds a control character", "remove it")
    }
    return text
}

private func decimal(_ text: String, within range: ClosedRange<Double>) throws(ValueFault) -> Double {
    let remedy = "give a number from \(brief(range.lowerBound)) to \(brief(range.upperBound))"
    guard let number = Double(ungrouped(text)), number.isFinite else {
        throw .malformed("\(quoted(text)) is not a number", remedy)
    }
    guard range.contains(number) else { throw .outOfRange("\(quoted(text)) is out of range", remedy) }
    return number
}

/// A number's text as Swift reads it: without white space around it, and without the `_` that Python and TOML allow between two
/// digits (`1_000`).
package func ungrouped(_ text: some StringProtocol) -> String {
    let bytes = Array(trimmed(Substring(text)).utf8)
    let kept = bytes.indices.filter { index in
        bytes[index] != UInt8(ascii: "_") || index == 0 || index == bytes.count - 1
            || !bytes[index - 1].isASCIIDigit || !bytes[index + 1].isASCIIDigit
    }
    return String(decoding: kept.map { bytes[$0] }, as: UTF8.self)
}

private func brief(_ number: Double) -> String { number == number.rounded() ? "\(Int(number))" : "\(number)" }

private func tagParts(_ text: String, remedy: String) throws(ValueFault) -> (key: String, value: String) {
    let (left, right) = cut(text[...], at: "=")
    let key = trimmed(left)
    guard let right, !key.isEmpty else { throw .malformed("\(quoted(text)) is no tag", remedy) }
    // Limits of OCI's tagging service: keys of 100 characters, values of 256.
    guard key.count <= 100, right.count <= 256 else {
        throw .outOfRange(
            "the tag \(quoted(key)) is too long",
            "keep keys to 100 and values to 256 characters"
        )
    }
    _ = try plain(key + right, maxBytes: 4096)
    return (key, String(right))
}

private func cut(_ text: Substring, at mark: Character) -> (left: Substring, right: Substring?) {
    guard let index = text.firstIndex(of: mark) else { return (text, nil) }
    return (text[..<index], text[text.index(after: index)...])
}

private func trimmed(_ text: Substring) -> String {
    let head = text.drop { $0 == " " || $0 == "\t" }
    guard let end = head.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
    return String(head[...end])
}

private func isWordByte(_ byte: UInt8) -> Bool { byte.isASCIIAlphanumeric || "-_.".utf8.contains(byte) }
