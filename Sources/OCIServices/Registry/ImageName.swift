// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import OCIProfile

/// The parts of an image's name, as container engines read it.
package struct ImageName: Sendable, Equatable {
    /// The host, perhaps with a port.
    package let registry: String
    /// What follows the host: in OCIR the tenancy's namespace.
    package let namespace: String
    /// The rest without tag and digest.
    package let repository: String
    /// `latest` when neither tag nor digest is given.
    package let tag: String?
    /// `sha256:...`, where it is given.
    package let digest: String?

    /// Takes a name apart; one that is malformed has empty parts.
    package init(_ text: String) {
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
    package var registryRegion: String? {
        let labels = registry.split(separator: ".")
        if labels.count == 3, labels[1] == "ocir", labels[2] == "io" { return String(labels[0]) }
        if labels.count > 3, labels[0] == "ocir", labels[2] == "oci" { return String(labels[1]) }
        return nil
    }

    private func isNamed(_ image: ContainerImage) -> Bool {
        digest.map { $0 == image.digest } ?? (tag == image.version)
    }

    private static func cut(_ text: String, at mark: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: mark) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }
}

/// What can be known of an image without pulling it.
package enum ImageStanding: Sendable, Equatable {
    /// It is in a registry that is not OCI's own.
    case otherRegistry
    /// It is in the registry of another region than this one, where the instances run.
    case otherRegion(String)
    /// It is in another tenancy's namespace.
    case otherTenancy
    /// It was not found; why.
    case absent(String)
    /// It is there.
    case present(isPublic: Bool)
}

extension ImageName {
    /// Looks for the image in the compartments of a tenancy, the first that has its repository.
    ///
    /// `namespace` is the tenancy's, `region` where the instances run.
    @LoopActor
    package func standing(
        in compartmentIDs: [String],
        namespace: String,
        region: Region,
        calls: ServiceCalls,
        deadline: Deadline
    ) async throws(OCIError) -> ImageStanding {
        guard let registryRegion else { return .otherRegistry }
        if let wanted = Region.resolve(registryRegion).identifier, let here = region.identifier,
            wanted != here
        {
            return .otherRegion(here)
        }
        guard self.namespace == namespace else { return .otherTenancy }
        for compartmentID in compartmentIDs {
            let repositories = ContainerRepositories(calls: calls, compartmentID: compartmentID)
            guard let found = try await repositories.find(repository, deadline: deadline) else { continue }
            let images = try await repositories.images(in: repository, deadline: deadline)
            if images.contains(where: isNamed) { return .present(isPublic: found.isPublic) }
            let versions = images.compactMap(\.version)
            let content = versions.isEmpty ? "is empty" : "has \(versions.joined(separator: ", ")) only"
            return .absent("repository \(repository) \(content)")
        }
        return .absent("there is no repository \(repository) in this region, or you may not read it")
    }
}
