// SPDX-License-Identifier: Apache-2.0

import CapnProto
import TestSupport

/// The layouts of Scaler's schema in one version, taken from the real library.
///
/// It reads any message into the JSON that the real library's answers are written in. So the reader is judged
/// on every type of the schema, also on those that the daemon never decodes.
struct Schema {
    private let root: String
    private let types: JSONValue

    /// Picks the layouts of a version.
    init(for version: String) {
        let versions = Vector.json("scaler-layouts.json")["versions"]
        let layout = versions[version]
        root = layout["root"].text ?? ""
        types = layout["types"]
    }

    /// Reads a whole message: its union tag and its body.
    func read(_ bytes: [UInt8]) throws -> (tag: UInt16, body: JSONValue) {
        let message = try MessageReader(bytes).root()
        let tag = message.uint16(at: 0)
        let field = types[root]["fields"].elements.first { $0["union"].integer == Int128(tag) }
        guard let field, let type = field["typeId"].text else {
            return (tag, .null)
        }
        return (tag, try read(try message.structure(at: 0), as: type))
    }

    private func read(_ reader: StructReader, as type: String) throws -> JSONValue {
        // The library calls a nested type by the last part of its name.
        let name = types[type]["name"].text?.split(separator: ".").last ?? ""
        var members: [String: JSONValue] = ["_": .string(String(name))]
        for field in types[type]["fields"].elements {
            members[field["name"].text ?? ""] =
                field["bits"] == .null ? try pointer(field, of: reader) : number(field, of: reader)
        }
        return .object(members)
    }

    private func number(_ field: JSONValue, of reader: StructReader) -> JSONValue {
        let bit = Int(field["bits"].elements.first?.integer ?? 0)
        return switch field["type"].text {
        case "bool": .bool(reader.bool(atBit: bit))
        case "uint16": .integer(Int128(reader.uint16(at: bit / 8)))
        case "uint32": .integer(Int128(reader.uint32(at: bit / 8)))
        case "uint64": .integer(Int128(reader.uint64(at: bit / 8)))
        case "int64": .integer(Int128(reader.int64(at: bit / 8)))
        case "enum": enumerant(reader.uint16(at: bit / 8), of: field)
        default: .null
        }
    }

    private func pointer(_ field: JSONValue, of reader: StructReader) throws -> JSONValue {
        let index = Int(field["ptr"].integer ?? 0)
        return switch field["type"].text {
        case "data": data(try reader.data(at: index))
        case "text": .string(try reader.text(at: index))
        case "struct": try read(try reader.structure(at: index), as: field["typeId"].text ?? "")
        case "list": .array(try list(field, of: reader, at: index))
        default: .null
        }
    }

    private func list(_ field: JSONValue, of reader: StructReader, at index: Int) throws -> [JSONValue] {
        switch field["element"].text {
        case "data":
            let list = try reader.list(at: index, of: .pointer)
            return try (0..<list.count).map { data(try list.data(at: $0)) }
        case "struct":
            let list = try reader.list(at: index, of: .structure)
            return try (0..<list.count).map {
                try read(list.structure(at: $0), as: field["typeId"].text ?? "")
            }
        case "enum":
            let list = try reader.list(at: index, of: .number(byteCount: 2))
            return (0..<list.count).map { enumerant(list.uint16(at: $0), of: field) }
        case "uint64":
            let list = try reader.list(at: index, of: .number(byteCount: 8))
            return (0..<list.count).map { .integer(Int128(list.uint64(at: $0))) }
        default:
            return [.null]
        }
    }

    private func data(_ bytes: ArraySlice<UInt8>) -> JSONValue {
        .object(["b": .string(Array(bytes).hexadecimal)])
    }

    private func enumerant(_ value: UInt16, of field: JSONValue) -> JSONValue {
        let names = types[field["typeId"].text ?? ""]["values"].elements
        let name = Int(value) < names.count ? names[Int(value)].text ?? "" : ""
        return .string("\(name)=\(value)")
    }
}
