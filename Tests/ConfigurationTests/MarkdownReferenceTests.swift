// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Configuration

@Suite struct MarkdownReferenceTests {
    @Test func `the documented configuration reference is current`() throws {
        try PrintedPart(of: "Configuration.md", between: "reference").check(MarkdownReference.text)
    }

    @Test func `every setting has its row, with short form, variable, key and default`() {
        let text = MarkdownReference.text
        for option in Option.table {
            #expect(text.contains("| `\(option.spelling)"), "\(option.name)")
        }
        #expect(
            text.contains(
                "| `--base-concurrency N` | `-bc` |  | `base_concurrency` | `100` | Container instances that run"
            )
        )
        #expect(
            text.contains(
                "| `--oci-region REGION` |  | `OCI_REGION`, `SCALER_OCI_REGION` | `oci_region` | `us-ashburn-1` |"
            )
        )
    }
}
