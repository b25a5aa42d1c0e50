// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CloudOwnership

@Suite struct TaskObjectNameTests {
    private static let nonce = "0123456789abcdef0123456789abcdef"

    @Test(arguments: [
        TaskObjectName(.results, nonce: nonce, task: "00ff"),
        TaskObjectName(.results, nonce: nil, task: "00ff"),
        TaskObjectName(.kept, nonce: nonce, task: "00ff"), TaskObjectName(.kept, nonce: nil, task: "00ff"),
        TaskObjectName(.inputs, nonce: nonce, task: "00ff", ending: ".pkl.gz"),
        TaskObjectName(.inputs, nonce: nil, task: "00ff", ending: ".pkl"),
    ])
    func `a name is read as it is written`(_ name: TaskObjectName) {
        #expect(TaskObjectName(name.text.utf8[...]) == name)
    }

    @Test(arguments: [
        ("results/\(nonce)/results/00ff.pkl", true), ("inputs/\(nonce)/00ff.pkl", true),
        ("kept/\(nonce)/00ff", true), ("results/00ff.pkl", true),
        ("", false), ("results", false), ("results/", false), ("results/.pkl", false),
        ("results/00ff", false),
        ("results/00FF.pkl", false), ("results/00ff.pkl.gz", false), ("results/x/00ff.pkl", false),
        ("results/\(nonce)/00ff.pkl", false), ("results/results/00ff.pkl", false),
        ("results/\(nonce)0/results/00ff.pkl", false), ("results//results/00ff.pkl", false),
        ("results/\(nonce)/results/x/00ff.pkl", false), ("results/../results/00ff.pkl", false),
        ("inputs/\(nonce)/results/00ff.pkl", false), ("inputs/\(nonce.uppercased())/00ff.pkl", false),
        ("kept/00ff.pkl", false), ("outputs/00ff.pkl", false), ("/results/00ff.pkl", false),
    ])
    func `what no manager gives is no name`(_ text: String, _ isName: Bool) {
        #expect((TaskObjectName(text.utf8[...]) != nil) == isName)
    }
}
