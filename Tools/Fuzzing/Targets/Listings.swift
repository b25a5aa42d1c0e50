// SPDX-License-Identifier: Apache-2.0

import JSON

/// Reads the input as a page of a listing, item by item, and as one value, and stops the process when the two disagree: about
/// whether it is a list, about an item, or about a member that is looked up in the text.
enum ListingsFuzz {
    static func feed(_ input: [UInt8]) {
        var items: [JSONItem] = []
        let others = try? JSON.readItems(of: "items", in: input) { items.append($0) }
        guard let whole = try? JSON.read(input) else {
            // What is passed over is not read: a number out of range, or text that is not UTF-8.
            return
        }
        // A member that comes twice is one list here and the last one there.
        guard isSingle(whole) else { return }
        guard let list = elements(of: whole) else { return insist(others == nil, "a list in \(whole)") }
        insist(others != nil && items.count == list.count, "\(items.count) items of \(list.count)")
        for (item, expected) in zip(items, list) { compare(item, expected) }
    }

    private static func elements(of whole: JSON) -> [JSON]? {
        switch whole {
        case .array(let elements): return elements
        case .object(let members):
            guard case .array(let elements)? = members.last(where: { $0.name == "items" })?.value else {
                return nil
            }
            return elements
        default: return nil
        }
    }

    private static func isSingle(_ whole: JSON) -> Bool {
        guard case .object(let members) = whole else { return true }
        return members.count { $0.name == "items" } <= 1
    }

    private static func compare(_ item: JSONItem, _ expected: JSON) {
        insist((try? item.value()) == expected, "\(item) is not \(expected)")
        guard case .object(let members) = expected else {
            return insist((try? item.object(only: ["id"])) == nil, "an object of \(expected)")
        }
        for name in ["id", "lifecycleState", "freeformTags"] {
            guard let found = try? item.object(only: [name]) else { fatalError("\(expected) cannot be read") }
            let value = members.last { $0.name == name }?.value
            // Names that are written with escapes are not found.
            insist(
                found[name] == nil || members.contains { $0.name == name && $0.value == found[name] },
                "\(name)"
            )
            if case .string(let text)? = value, item.has(name, equalTo: text) {
                insist(found[name] == value, "\(name) is not \(text)")
            }
        }
    }
}
