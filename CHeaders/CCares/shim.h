// SPDX-License-Identifier: Apache-2.0
#pragma once
// Without this, Swift takes the socket types of the C library for part of this module.
#pragma clang module import SwiftGlibc
#include <ares.h>
