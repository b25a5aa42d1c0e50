// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Configuration

@Suite struct PricesTests {
    private func prices(_ text: String) throws -> Prices? {
        try Prices.read(Array(text.utf8), path: "c.toml")
    }

    @Test func `prices are read by shape, and nothing is known without them`() throws {
        let text = """
            [prices]
            currency = "USD"
            "CI.Standard.E4.Flex" = { ocpu_hour = 0.025, gb_hour = 0.0015 }
            [prices."CI.Standard.A1.Flex"]
            ocpu_hour = 1
            gb_hour = 0
            """
        let found = try #require(try prices(text))
        #expect(found.currency == "USD")
        #expect(found.rates["CI.Standard.A1.Flex"] == Prices.Rate(ocpuHour: 1, gbHour: 0))
        #expect(found.rates["CI.Standard.E4.Flex"]?.perHour(ocpus: 2, memoryGB: 10) == 0.065)
        #expect(try prices("[other]\n") == nil)
        #expect(try prices("[prices]\n") == Prices(currency: "", rates: [:]))
    }

    @Test(arguments: [
        ("prices = 1", "c.toml:1: prices: the whole number 1 is no such value; give a table"),
        ("[prices]\ncurrency = 2", "c.toml:2: prices.currency: the whole number 2 is no such value"),
        ("[prices]\na = 2", "c.toml:2: prices.a: the whole number 2 is no such value; give { ocpu_hour"),
        ("[prices]\na = { ocpu_hour = 1 }", "c.toml:2: prices.a: gb_hour is missing"),
        (
            "[prices]\na = { ocpu_hour = -1, gb_hour = 1 }",
            "prices.a.ocpu_hour: the whole number -1 is no such"
        ),
        (
            "[prices]\na = { ocpu_hour = 1, gb_hour = nan }",
            "prices.a.gb_hour: the decimal number nan is no such"
        ),
        (
            "[prices]\na = { ocpu_hour = \"1\", gb_hour = 1 }",
            "prices.a.ocpu_hour: the string \"1\" is no such"
        ),
    ])
    func `what is no price is told with its place`(text: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) { try prices(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
