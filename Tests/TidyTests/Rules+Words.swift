// SPDX-License-Identifier: Apache-2.0

/// What may be written in which module.
extension Rule {
    static let pureModules = lines(
        "pure modules import nothing of the system and do nothing at once, later or unsafely",
        in: .pureSources
    ) { code in
        let words = code.identifiers
        let concurrent: Set<Substring> = ["async", "await", "unsafe", "actor"]
        let system = ["Glibc", "Dispatch", "Darwin", "Foundation", "FoundationEssentials", "Musl"]
        let isImport = words.contains("import")
        return words.contains { concurrent.contains($0) } || code.contains("@_")
            || isImport && words.contains { system.contains(String($0)) }
            || isImport && words.last?.first == "C" && words.last?.dropFirst().first?.isUppercase == true
    }

    static func noClockNoChance(known: Set<String>) -> Self {
        Self(name: "pure modules take time and chance as arguments", looksAt: .pureSources) { files in
            let found = files.flatMap { file in
                file.code.indices.filter { asksForTimeOrChance(file.code, at: $0) }.map {
                    (file, file.breach(at: $0))
                }
            }
            return ratchet(found, known: known)
        }
    }

    private static func asksForTimeOrChance(_ code: [String], at index: Int) -> Bool {
        let line = code[index]
        let banned: Set<Substring> = [
            "clock_gettime", "gettimeofday", "SystemRandomNumberGenerator", "ContinuousClock",
            "SuspendingClock",
            "getrandom",
        ]
        if line.identifiers.contains(where: { banned.contains($0) }) { return true }
        if readsTheClock(line) { return true }
        // With `using:` the caller's generator is asked; the call may go on below.
        let call = code[index..<min(index + 3, code.count)].joined(separator: " ")
        let chance = [".random(", ".randomElement(", ".shuffled(", ".shuffle("]
        return chance.contains { line.contains($0) } && !call.contains("using:")
    }

    /// `Deadline.now`, `.now` alone or a clock's; a property `now` of a value that was passed in is none.
    private static func readsTheClock(_ line: String) -> Bool {
        let parts = line.split(separator: ".", omittingEmptySubsequences: false)
        return zip(parts, parts.dropFirst()).contains { before, after in
            guard after.identifiers.first == "now", after.hasPrefix("now") else { return false }
            let end = before.last
            let isMember =
                end == ")" || end == "]" || end == "_" || end?.isLetter == true || end?.isNumber == true
            guard isMember else { return true }
            let owner = before.identifiers.last ?? ""
            return owner.first?.isUppercase == true || owner.lowercased().hasSuffix("clock")
        }
    }

    static let executors = lines(
        "only the event loop touches executors, continuations and threads",
        in: .sourcesOutsideEventLoop,
        with: { code in
            let banned: Set<Substring> = ["UnownedJob", "ExecutorJob", "DispatchQueue", "pthread_create"]
            let words = code.identifiers
            return words.contains {
                banned.contains($0) || $0.contains("Continuation") || $0.hasSuffix("Executor")
            }
                || code.contains("Task.detached") || code.contains("Thread(")
                || zip(words, words.dropFirst()).contains { $0 == "Task" && $1 == "init" }
                || [" Task(", " Task {", "(Task {", "=Task {"].contains { (" " + code).contains($0) }
        }
    )

    static let cellar = Self(name: "C libraries stay in the cellar", looksAt: .sources) { files in
        let libraries: Set = ["CLibev", "CZeroMQ", "COpenSSL", "CZlib", "CCares", "CLinux"]
        let cellar: Set = ["Compression", "EventLoop", "Messaging", "Transport"]
        return files.filter { !cellar.contains($0.module ?? "") }.flatMap { file in
            file.imports.filter { libraries.contains($0.module) }.map { file.breach(at: $0.index) }
        }
    }

    static let nothingPublic = lines("nothing is public", in: .sources) { code in
        let words = code.split(separator: " ")
        return words.contains("public") || words.contains("@inlinable") || words.contains("@frozen")
            || words.first == "open"
    }

    static let nothingLeftForLater = Self(
        name: "nothing is left for later",
        looksAt: .sourcesTestsAndTools
    ) { files in
        let marks: Set<String> = ["FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK"]
        return files.flatMap { file -> [String] in
            let texts = file.path.hasSuffix(".swift") ? file.comments : file.lines
            return texts.indices.filter { index in
                texts[index].contains("#") || file.path.hasSuffix(".swift")
                    ? texts[index].identifiers.contains { marks.contains(String($0)) } : false
            }.map { file.breach(at: $0) }
        }
    }

    static let noFoundation = Self(name: "the daemon does without Foundation", looksAt: .sources) {
        files in
        files.flatMap { file in
            file.imports.filter { $0.module.contains("Foundation") || $0.module == "Dispatch" }.map {
                file.breach(at: $0.index)
            }
        }
    }

    static func privateWords(known: Set<String>) -> Self {
        Self(
            name: "names and comments use the field's words",
            looksAt: .swiftFilesThatStay
        ) { files in
            let found = files.flatMap { file in
                privateWords(in: file).map { (file, $0) }
            }
            return ratchet(found, known: known)
        }
    }

    private static func privateWords(in file: SourceTree.File) -> [String] {
        let texts = zip(file.code, file.comments).map { "\($0) \($1)" }
        // Most files have none, and a search through the whole costs a tenth of one in each line.
        let whole = texts.joined(separator: "\n")
        let words = House.privateWords.filter { whole.holds($0.word) }
        return words.flatMap { word in
            texts.indices.filter { texts[$0].holds(word.word) }.map {
                "\(file.breach(at: $0)) (\(word.instead))"
            }
        }
    }
}

extension String {
    /// Whether it holds the word: in any case, unless the word has a capital.
    fileprivate func holds(_ word: String) -> Bool {
        contains(word) || lowercased().contains(word)
    }
}
