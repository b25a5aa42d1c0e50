// SPDX-License-Identifier: Apache-2.0
//
// One run of the simulation in a process of its own: `Simulate --seed N --profile NAME`. Tools/simulate runs many.

internal import CSimulation
internal import Glibc

let words = CommandLine.arguments
// First of all, before any set or dictionary is made: it would be looked up with another seed.
csimulation_seed_hashing(words.firstIndex(of: "--hash-seed").flatMap { UInt64(words[$0 + 1]) } ?? 1)
csimulation_keep_memory()
exit(Simulate(words).run())
