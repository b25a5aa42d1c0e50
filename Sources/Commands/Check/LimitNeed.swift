// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import OCIServices

/// How much of a service limit the settings need; the names of limits are not documented, so their words are read.
struct LimitNeed: Sendable, Equatable {
    let limit: String
    /// What one instance takes.
    let perInstance: Int
    let concurrency: Int

    /// Nil for a limit of another shape, or one whose name does not say what it counts.
    init?(_ limit: ServiceLimit, _ settings: Settings) {
        let words = limit.name.lowercased().split { !$0.isLetter && !$0.isNumber }
        let shapes = settings.instanceShapes.flatMap { $0.lowercased().split(separator: ".") }
        // Families of shapes: e3, e4, a1, and what comes after them.
        let families = words.filter { word in
            word.count == 2 && word.first.map { "ae".contains($0) } == true && word.last?.isNumber == true
        }
        guard families.isEmpty || families.contains(where: shapes.contains) else { return nil }
        if words.contains(where: { ["core", "cores", "ocpu", "ocpus"].contains($0) }) {
            perInstance = Int(settings.instanceOCPUs.rounded(.up))
        } else if words.contains("memory") {
            perInstance = Int(settings.instanceMemoryGB.rounded(.up))
        } else if words.contains("count") || words.contains("instances") {
            perInstance = 1
        } else {
            return nil
        }
        self.limit = limit.name
        concurrency = settings.baseConcurrency
    }

    /// The diagnostic when `available` units are free; nil if that is enough.
    func diagnostic(available: Int) -> Diagnostic? {
        let (needed, isTooLarge) = perInstance.multipliedReportingOverflow(by: concurrency)
        if !isTooLarge, available >= needed { return nil }
        return Diagnostic(
            "service limit \(limit) leaves room for \(available / max(1, perInstance)) of \(concurrency) instances",
            why: "\(available) are free, and --base-concurrency \(concurrency) may need "
                + "\(isTooLarge ? "more" : "\(needed)"); stopped instances count until they are deleted",
            remedy: "lower --base-concurrency, name more availability domains, or request a limit increase"
        )
    }
}
