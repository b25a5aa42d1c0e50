// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Reporting
internal import Transport

// First of all, for every subcommand: each may hold keys, and what is opened before the standard streams takes their place.
let isUndumpable = ProcessIdentity.forbidDumps()
StandardStreams.openMissing()
if !isUndumpable { LineWriter.writeFatal("note: cannot keep keys out of core files") }
ParentDeathSignal.execIfRequested(CommandLine.arguments)
exit(CommandLineEntry.run(CommandLine.arguments))
