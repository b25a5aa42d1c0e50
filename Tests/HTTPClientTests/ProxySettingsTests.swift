// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import Testing
import Transport

@Suite struct ProxySettingsTests {
    private static let oracle = HTTPOrigin(scheme: .https, host: "iaas.eu-zurich-1.oraclecloud.com")

    @Test(arguments: [
        ("http://proxy:3128", "proxy", 3128), ("proxy:8080", "proxy", 8080), ("http://proxy", "proxy", 1080),
        ("HTTP://10.0.0.1:80/", "10.0.0.1", 80), ("http://[fd00::1]:3128", "fd00::1", 3128),
        ("http://u:p@proxy:1", "proxy", 1),
    ])
    func `the proxy is read from the environment`(text: String, host: String, port: Int) throws {
        for name in ["https_proxy", "HTTPS_PROXY"] {
            let server = try #require(try ProxySettings(environment: [name: text]).proxy(for: Self.oracle))
            #expect(server.host == host)
            #expect(Int(server.port) == port)
        }
    }

    @Test func `lower case wins, empty is unset, and plain http is never proxied`() throws {
        let settings = try ProxySettings(environment: ["https_proxy": "http://a", "HTTPS_PROXY": "http://b"])
        #expect(settings.proxy(for: Self.oracle)?.host == "a")
        #expect(settings.proxy(for: HTTPOrigin(scheme: .http, host: "169.254.169.254")) == nil)
        #expect(try ProxySettings(environment: ["https_proxy": "", "HTTPS_PROXY": "b"]).server?.host == "b")
        #expect(try ProxySettings(environment: ["http_proxy": "http://a"]) == .direct)
    }

    @Test(arguments: [
        "https://proxy", "socks5://proxy", "http://", "http://:80", "http://p:x", "http://u%zz@p",
        "http://u%4@p",
    ])
    func `a proxy that cannot be used is an error that does not repeat it`(text: String) throws {
        let error = #expect(throws: HTTPError.self) { try ProxySettings(environment: ["https_proxy": text]) }
        #expect(error?.fault == .ours && error?.isRetryable == false)
        #expect(try #require(error).description.contains(text) == false)
    }

    @Test(arguments: [
        ("*", true), ("oraclecloud.com", true), (".oraclecloud.com", true), ("ORACLECLOUD.COM", true),
        ("iaas.eu-zurich-1.oraclecloud.com", true), ("a.com, oraclecloud.com", true),
        ("a.com oraclecloud.com:443", true),
        ("oraclecloud.com:8443", false), ("cloud.com", false), ("com.oraclecloud", false), ("", false),
        (",,", false),
        ("x.iaas.eu-zurich-1.oraclecloud.com", false),
    ])
    func `NO_PROXY names hosts and domains that are reached directly`(list: String, isDirect: Bool) throws {
        let settings = try ProxySettings(environment: ["HTTPS_PROXY": "http://p", "NO_PROXY": list])
        #expect((settings.proxy(for: Self.oracle) == nil) == isDirect)
    }

    @Test(arguments: ["fd00::1", "[fd00::1]", "[fd00::1]:443"])
    func `NO_PROXY may hold IPv6 addresses`(list: String) throws {
        let settings = try ProxySettings(environment: ["https_proxy": "p", "no_proxy": list])
        #expect(settings.proxy(for: HTTPOrigin(scheme: .https, host: "fd00::1")) == nil)
        #expect(settings.proxy(for: HTTPOrigin(scheme: .https, host: "fd00::2")) != nil)
    }
}
