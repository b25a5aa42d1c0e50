// SPDX-License-Identifier: Apache-2.0
//
// Hostile peers on loopback against the daemon's own parts in this process: `Hostile [TABLES] [WORD]`, where WORD chooses
// cases by a part of `family/section/name`. Each has its verdict, and bounds of memory and of processor time.

import EventLoop
import Glibc

let folder = CommandLine.arguments.dropFirst().first ?? "Tests/Hostile/Tables"
let word = CommandLine.arguments.dropFirst(2).first ?? ""
let isPassed = EventLoop.run { await HostileRun(folder: folder, word: word).run() }
exit(isPassed ? 0 : 1)
