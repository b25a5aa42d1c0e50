// SPDX-License-Identifier: Apache-2.0

internal import CSimulation
internal import EventLoop
internal import SimulatedWorld

// First of all: a set that exists before would be looked up with another seed.
csimulation_seed_hashing(1)
