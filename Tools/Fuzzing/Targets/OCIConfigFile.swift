// SPDX-License-Identifier: Apache-2.0

import OCIProfile

/// Reads the input as `~/.oci/config`, asks for every profile, and stops the process when what was read does not
/// survive being written and read again, or when a complaint is more than a line.
enum OCIConfigFileFuzz {
    static func feed(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        do throws(OCIProfileError) {
            let file = try OCIConfigFile(text)
            for name in file.sectionNames + ["DEFAULT", "OTHER"] { ask(file, name) }
            // Outside of ASCII, characters at the joints of a written line may become others.
            if input.allSatisfy({ $0 < 0x80 }) { try checkWritten(file) }
        } catch {
            check(error)
        }
    }

    private static func ask(_ file: OCIConfigFile, _ name: String) {
        for choice in [ConfigProfile.Choice.configFile, .securityToken] {
            do throws(OCIProfileError) {
                let profile = try ConfigProfile(
                    name,
                    in: file,
                    choice: choice,
                    environment: [:],
                    home: "/home/u"
                )
                let region = Region.resolve(profile.region)
                insist(
                    !region.host(of: .containerInstances).isEmpty && !region.host(of: .registry).isEmpty,
                    "\(region)"
                )
            } catch {
                check(error)
            }
        }
    }

    private static func check(_ error: OCIProfileError) {
        insist(!error.description.utf8.contains(UInt8(ascii: "\n")), error.description)
    }

    private static func checkWritten(_ file: OCIConfigFile) throws(OCIProfileError) {
        var text = ""
        for name in file.sectionNames {
            text += "[\(name)]\n"
            // What is inherited is written too, and overrides itself.
            for (key, entry) in try file.profile(name) {
                // Continued values are joined, and one behind such a key may make its line a section.
                guard !key.hasPrefix("[") else { return }
                let lines = entry.value.split(separator: "\n", omittingEmptySubsequences: false)
                text += "\(key)=\(lines.joined(separator: "\n "))\n"
            }
        }
        let again = try OCIConfigFile(text)
        for name in file.sectionNames {
            let values = (
                try file.profile(name).mapValues(\.value), try again.profile(name).mapValues(\.value)
            )
            insist(values.0 == values.1, "\(values.0) became \(values.1)")
        }
    }
}
