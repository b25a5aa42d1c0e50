// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Transport

ParentDeathSignal.execIfRequested(CommandLine.arguments)
exit(CommandLineEntry.run(CommandLine.arguments))
