// SPDX-License-Identifier: Apache-2.0

internal import OCIServices

struct ImageName: Sendable, Equatable {
    /// Host of the registry.
    let registry: String
    /// What follows the host: in OCIR the tenancy's namespace.
    let namespace: String
    /// The rest without tag and digest.
    let repository: String
    /// `latest` when neither tag nor digest is given.
    let tag: String?
    let digest: String?

    init(_ text: String) {
        let (name, digest) = Self.cut(text, at: "@")
        let parts = name.split(separator: "/", maxSplits: 2).map(String.init)
        let (repository, tag) = Self.cut(parts.count == 3 ? parts[2] : "", at: ":")
        registry = parts.first ?? ""
        namespace = parts.count > 1 ? parts[1] : ""
        self.repository = repository
        self.digest = digest
        self.tag = digest == nil ? tag ?? "latest" : tag
    }

    /// The region in the host's name, an identifier or a short code; nil if it is no OCIR.
    var registryRegion: String? {
        let labels = registry.split(separator: ".")
        if labels.count == 3, labels[1] == "ocir", labels[2] == "io" { return String(labels[0]) }
        if labels.count > 3, labels[0] == "ocir", labels[2] == "oci" { return String(labels[1]) }
        return nil
    }

    /// Whether an image of the repository is the one named.
    func isNamed(_ image: ContainerImage) -> Bool {
        digest.map { $0 == image.digest } ?? (tag == image.version)
    }

    private static func cut(_ text: String, at mark: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: mark) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }
}
