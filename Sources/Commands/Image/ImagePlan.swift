// SPDX-License-Identifier: Apache-2.0

/// The commands of the engine that build the image and push it.
struct ImagePlan: Sendable, Equatable {
    enum Login: Sendable, Equatable {
        case none
        /// An auth token of this user, with the namespace in front of the name.
        case authToken(user: String)
        /// A token for whoever signs the calls to OCI, which the registry gives out for some minutes.
        case signedToken
    }

    /// Registry, namespace, repository and tag.
    let image: String
    /// `linux/amd64` or such.
    let platform: String
    /// Minor version of the clients' Python, such as `3.12`; nil leaves it to the base image.
    let python: String?
    let baseImage: String?
    let packages: String?
    let login: Login
    let isPushed: Bool

    var registry: String { String(image.prefix { $0 != "/" }) }

    private static let tokenUser = "BEARER_TOKEN"

    /// Arguments of the engine that log in, nil without a login; the password goes to its standard input.
    var loginArguments: [String]? {
        switch login {
        case .none: nil
        case .authToken(let user): ["login", registry, "--username", user, "--password-stdin"]
        case .signedToken: ["login", registry, "--username", Self.tokenUser, "--password-stdin"]
        }
    }

    /// Arguments of the engine that build from the files in `context`.
    func buildArguments(context: String) -> [String] {
        var arguments = ["build", "--platform", platform, "--tag", image]
        // Empty, it is neither looked at nor told by the image's label.
        arguments += ["--build-arg", "PYTHON_VERSION=\(python ?? "")"]
        if let baseImage { arguments += ["--build-arg", "BASE_IMAGE=\(baseImage)"] }
        if let packages { arguments += ["--build-arg", "PACKAGES=\(packages)"] }
        return arguments + [context]
    }

    /// Arguments of the engine that push; nil when only building was asked for.
    var pushArguments: [String]? { isPushed ? ["push", image] : nil }

    func commandLines(engine: String, context: String) -> [String] {
        var lines: [String] = []
        if let loginArguments {
            let password =
                if case .authToken = login { "printf %s \"$OCI_AUTH_TOKEN\"" } else {
                    "<a token from the registry>"
                }
            lines.append("\(password) | \(Self.line([engine] + loginArguments))")
        }
        lines.append(Self.line([engine] + buildArguments(context: context)))
        if let pushArguments { lines.append(Self.line([engine] + pushArguments)) }
        return lines
    }

    /// The platform of containers of these shapes: A1 is Ampere's, all others are x86; nil where one image cannot run in all.
    static func platform(shapes: [String]) -> String? {
        let platforms = Set(
            shapes.map { shape in
                shape.split(separator: ".").contains {
                    $0.hasPrefix("A") && $0.count > 1 && $0.dropFirst().allSatisfy(\.isNumber)
                } ? "linux/arm64" : "linux/amd64"
            }
        )
        return platforms.count > 1 ? nil : platforms.first ?? "linux/amd64"
    }

    /// The minor version that a text asks for: `3.12` of `3.12` or `3.12.4`; nil if it is none that a runner can have.
    static func minorVersion(_ text: String) -> String? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard (2...3).contains(parts.count), !parts.contains(nil), parts[0] == 3, let minor = parts[1],
            (9...99).contains(minor)
        else { return nil }
        return "3.\(minor)"
    }

    private static func line(_ words: [String]) -> String {
        words.map { word in
            let isPlain = word.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber) || "-_./:=@+,".contains($0)
            }
            return isPlain && !word.isEmpty
                ? word : "'" + word.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'"
        }.joined(separator: " ")
    }
}
