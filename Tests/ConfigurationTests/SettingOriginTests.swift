// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

@Suite struct SettingOriginTests {
    @Test(arguments: [
        (SettingOrigin.defaultValue, "default"), (.file(path: "config.toml", line: 17), "config.toml:17"),
        (.environment("OCI_REGION"), "environment OCI_REGION"), (.flag("-it"), "-it"),
        (.argument, "command line"),
    ])
    func `an origin is named as the user knows it`(_ origin: SettingOrigin, _ text: String) {
        #expect(origin.description == text)
    }
}
