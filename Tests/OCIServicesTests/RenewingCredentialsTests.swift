// SPDX-License-Identifier: Apache-2.0

import EventLoop
import OCISigning
import TestSupport
import Testing

@testable import OCIServices

@Suite struct RenewingCredentialsTests {
    /// Issues numbered tokens with a life of 400 s, one each time its gate is opened.
    @LoopActor
    private final class Issuer: TokenIssuer {
        let tenancyID: String? = "t"
        var time = 0
        var life = 400
        var gate = Latch()
        var failure: OCIError?
        private(set) var issuedCount = 0

        func issue(replacing old: IssuedToken?, deadline: Deadline) async throws(OCIError) -> IssuedToken {
            issuedCount += 1
            let number = issuedCount
            try? await gate.wait(until: deadline)
            if let failure { throw failure }
            guard let testKey else { preconditionFailure("no key") }
            let claims = #"{"exp":\#(time + life),"iat":\#(time),"number":\#(number)}"#
            return try IssuedToken(unsignedToken(claims), key: testKey, now: time, source: "test")
        }
    }

    @LoopActor
    private func make(isOpen: Bool = true) -> (Issuer, RenewingCredentials) {
        let issuer = Issuer()
        if isOpen { issuer.gate.open() }
        return (issuer, RenewingCredentials(issuer) { issuer.time })
    }

    @Test func `all who ask together wait for one token`() async throws {
        try await onLoop {
            let (issuer, credentials) = self.make(isOpen: false)
            let callers = (0..<20).map { _ in
                spawn { try? await credentials.current(deadline: soon).keyID }
            }
            while issuer.issuedCount == 0 { await yieldToOthers() }
            issuer.gate.open()
            var identities: Set<KeyIdentity> = []
            for caller in callers { identities.insert(try #require(await caller.value)) }
            #expect(identities.count == 1)
            #expect(issuer.issuedCount == 1)
        }
    }

    @Test func `a caller that is cancelled or out of patience does not take the token from the others`()
        async throws
    {
        try await onLoop {
            let (issuer, credentials) = self.make(isOpen: false)
            let first = spawn { await failure(of: { try await credentials.current(deadline: soon) }) }
            let second = spawn { try? await credentials.current(deadline: soon) }
            while issuer.issuedCount == 0 { await yieldToOthers() }
            first.cancel()
            guard case .cancelled? = await first.value else {
                Issue.record("not cancelled")
                return
            }
            let late = await failure(of: { try await credentials.current(deadline: .after(.milliseconds(1))) }
            )
            #expect(late?.isRetryable == true)
            issuer.gate.open()
            #expect(await second.value != nil)
            #expect(issuer.issuedCount == 1)
        }
    }

    @Test func `a token that comes without life is used for a while all the same`() async throws {
        try await onLoop {
            let (issuer, credentials) = self.make()
            issuer.life = -1
            for _ in 0..<10 { _ = try await credentials.current(deadline: soon) }
            #expect(issuer.issuedCount == 1)
        }
    }

    @Test func `tokens that arrive expired cost three keys, however often they are refused`() async throws {
        try await onLoop {
            let (issuer, credentials) = self.make()
            issuer.life = -1
            for _ in 0..<50 {
                let identity = try await credentials.current(deadline: soon)
                _ = try await credentials.replace(rejected: identity, deadline: soon)
            }
            // An instance makes a key for each token that it asks for.
            #expect(issuer.issuedCount == 3)
        }
    }

    @Test func `tokens that live but are refused are replaced three times, then at a pace`() async throws {
        try await onLoop {
            let (issuer, credentials) = self.make()
            for count in 1...50 {
                let identity = try await credentials.current(deadline: soon)
                #expect(try await credentials.replace(rejected: identity, deadline: soon) == (count <= 3))
            }
            #expect(issuer.issuedCount == 4)
            // Those that are renewed in time do not count.
            for renewalCount in 1...5 {
                issuer.time += 300
                _ = try await credentials.current(deadline: soon)
                #expect(issuer.issuedCount == 4 + renewalCount)
            }
        }
    }

    @Test func `an issuer that fails at once is not asked at each call`() async throws {
        try await onLoop {
            let (issuer, credentials) = self.make()
            issuer.failure = .authentication(.unreachable("down"))
            for _ in 0..<50 {
                let error = await failure(of: { try await credentials.current(deadline: soon) })
                #expect(error?.isRetryable == true)
            }
            #expect(issuer.issuedCount == 3)
        }
    }

    @Test func `a token is used until a quarter of its life is left, then there is another`() async throws {
        try await onLoop {
            let (issuer, credentials) = self.make()
            let first = try await credentials.current(deadline: soon).keyID
            issuer.time = 299
            #expect(try await credentials.current(deadline: soon).keyID == first)
            issuer.time = 300
            #expect(try await credentials.current(deadline: soon).keyID != first)
            #expect(issuer.issuedCount == 2)
        }
    }

    @Test func `an old token is used while it lives and no longer, and the issuer is left in peace`()
        async throws
    {
        try await onLoop {
            let (issuer, credentials) = self.make()
            let first = try await credentials.current(deadline: soon).keyID
            issuer.time = 300
            issuer.failure = .authentication(.unreachable("down"))
            for _ in 0..<5 { #expect(try await credentials.current(deadline: soon).keyID == first) }
            #expect(issuer.issuedCount == 2)
        }
        try await onLoop {
            let (issuer, credentials) = self.make()
            _ = try await credentials.current(deadline: soon)
            issuer.time = 400
            issuer.failure = .authentication(.unreachable("down"))
            #expect(await failure(of: { try await credentials.current(deadline: soon) }) != nil)
            issuer.failure = nil
            _ = try await credentials.current(deadline: soon)
        }
    }

    @Test func `a refused token is replaced once for all who were refused with it`() async throws {
        try await onLoop {
            let (issuer, credentials) = self.make()
            let first = try await credentials.current(deadline: soon)
            for _ in 0..<3 {
                #expect(try await credentials.replace(rejected: first, deadline: soon))
            }
            #expect(issuer.issuedCount == 2)
        }
    }
}
