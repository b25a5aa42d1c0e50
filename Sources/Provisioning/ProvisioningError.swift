// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import OCIServices
internal import Reporting
package import Transport

/// What is wrong, why, and what to do about it: what every message to a person is made of.
package struct Complaint: Sendable, Equatable {
    /// What does not work, such as `subnet ocid1... cannot be used`.
    package let what: String
    /// Why, as far as that is known.
    package let why: String
    /// What the reader does next.
    package let remedy: String

    /// A complaint from its three parts.
    package init(_ what: String, why: String, remedy: String) {
        self.what = what
        self.why = why
        self.remedy = remedy
    }
}

extension Complaint: CustomStringConvertible {
    package var description: String { "\(what): \(why); \(remedy)" }
}

/// Why a subcommand could not do what it was asked.
package enum ProvisioningError: Error, Sendable {
    /// The command line or a file says something that cannot be obeyed.
    case configuration(ConfigurationError)
    /// The cloud refused or did not answer.
    case cloud(OCIError)
    /// What was named does not exist, does not fit, or belongs to somebody else.
    case unusable(Complaint)
    /// A file could not be read or written.
    case file(path: String, TransportError)
    /// A program that is needed is absent or failed.
    case program(Complaint)
    /// The user was asked and said no.
    case declined
    /// A signal ended the work.
    case cancelled

    /// The exit code, of sysexits.h where that has one.
    package var exitCode: Int32 {
        switch self {
        case .configuration(let error): error.exitCode
        case .cloud(let error): error.exitCode
        case .unusable: 78
        case .file: 73
        case .program: 69
        case .declined: 1
        case .cancelled: 130
        }
    }
}

extension ProvisioningError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .configuration(let error): error.description
        case .cloud(let error): "\(error)"
        case .unusable(let complaint), .program(let complaint): "\(complaint)"
        case .file(let path, let error): "\(path): \(error); check the path and its permissions"
        case .declined: "nothing was done"
        case .cancelled: "interrupted"
        }
    }
}
