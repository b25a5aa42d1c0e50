// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import Glibc
internal import Transport
internal import WorkerCore

exit(CommandLineEntry.run(CommandLine.arguments))
