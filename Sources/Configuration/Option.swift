// SPDX-License-Identifier: Apache-2.0

/// One row of the table of options: everything that flag parsing, environment, file, help, `--print-config`
/// and the reference need to know about one setting.
///
/// Why not swift-argument-parser: it knows neither abbreviations of long flags nor where a value came from,
/// and an option declared there would have to be declared again for environment, file, report and reference.
package struct Option: Sendable {
    /// How a row takes part.
    enum Role: Sendable {
        /// Ends up in `Settings`.
        case setting
        /// The bare word; has no flag.
        case positional
        /// Accepted and checked, but without effect; the half sentence says why.
        case ignored(because: String)
        /// Steers this one invocation (`--help`); only a flag, never a key of the file.
        case invocation
    }

    /// Long flag without its dashes; with `_` for `-` also the file's key.
    package let name: String
    /// Short flag without its dash.
    package let short: String?
    /// Environment variable.
    package private(set) var environment: String?
    /// The name that Scaler's provisioner has for it; weaker than the first.
    package private(set) var provisionedEnvironment: String?
    /// What stands for the value in help; empty for a switch.
    package let placeholder: String
    /// What the file may hold and how values are printed.
    package let form: ValueForm
    /// True when there is no default.
    package private(set) var isRequired = false
    /// True when the value must never be shown.
    package private(set) var isSecret = false
    /// True when the command that this replaces has no such option.
    package private(set) var isNew = false
    /// One or more sentences for help and reference.
    package private(set) var help = ""
    let role: Role
    /// Puts texts, checked, into the settings.
    let store: @Sendable (inout Settings, [String]) throws(ValueFault) -> Void
    /// The value as texts that `store` reads; empty when unset.
    let show: @Sendable (Settings) -> [String]
}

extension Option {
    /// A setting that always has a value, unless it is required.
    init<Value: Sendable>(
        _ name: String,
        short: String? = nil,
        _ kind: ValueKind<Value>,
        into path: any WritableKeyPath<Settings, Value> & Sendable,
        required: Bool = false,
        new: Bool = false,
        positional: Bool = false
    ) {
        self.init(
            name: name,
            short: short,
            placeholder: kind.placeholder,
            form: kind.form,
            isRequired: required,
            isNew: new,
            role: positional ? .positional : .setting,
            store: { settings, texts throws(ValueFault) in settings[keyPath: path] = try kind.read(texts) },
            show: { kind.show($0[keyPath: path]) }
        )
    }

    /// A setting that may be absent; given as the empty text it is absent, whatever a weaker source says.
    init<Value: Sendable>(
        _ name: String,
        short: String? = nil,
        _ kind: ValueKind<Value>,
        intoOptional path: any WritableKeyPath<Settings, Value?> & Sendable,
        secret: Bool = false,
        new: Bool = false
    ) {
        self.init(
            name: name,
            short: short,
            placeholder: kind.placeholder,
            form: kind.form,
            isSecret: secret,
            isNew: new,
            role: .setting,
            store: { settings, texts throws(ValueFault) in
                settings[keyPath: path] = texts == [""] ? nil : try kind.read(texts)
            },
            show: { $0[keyPath: path].map(kind.show) ?? [] }
        )
    }

    /// The same row with its sentences for help and reference.
    package func help(_ text: String) -> Option {
        var option = self
        option.help = text
        return option
    }

    /// The same row in a command that needs it, or that does not.
    package func isRequired(_ isRequired: Bool) -> Option {
        var option = self
        option.isRequired = isRequired
        return option
    }

    /// The same row in a command that is new as a whole, or that replaces one which has it.
    package func isNew(_ isNew: Bool) -> Option {
        var option = self
        option.isNew = isNew
        return option
    }

    /// The same row with the environment variable that sets it.
    func environment(_ name: String, provisioned: String? = nil) -> Option {
        var option = self
        option.environment = name
        option.provisionedEnvironment = provisioned
        return option
    }

    /// An ignored setting that becomes a row with the half sentence that says why.
    struct Unexplained {
        let because: (String) -> Option
    }

    /// A setting of the Python manager that means nothing here; its value is still checked.
    static func ignored<Value: Sendable>(
        _ name: String,
        short: String? = nil,
        _ kind: ValueKind<Value>
    ) -> Unexplained {
        Unexplained { reason in
            Option(
                name: name,
                short: short,
                placeholder: kind.placeholder,
                form: kind.form,
                help: "No effect: \(reason).",
                role: .ignored(because: reason),
                store: { _, texts throws(ValueFault) in _ = try kind.read(texts) },
                show: { _ in [] }
            )
        }
    }

    /// A flag for one invocation, also for subcommands: its texts are read from the scan, not from `Settings`.
    ///
    /// Name and short form come without dashes; without a `placeholder` for a value it is a switch. `new` is false for what
    /// the command that this replaces has, too.
    package static func invocation(
        _ name: String,
        short: String? = nil,
        placeholder: String? = nil,
        new: Bool = true
    ) -> Option {
        Option(
            name: name,
            short: short,
            placeholder: placeholder ?? "",
            form: placeholder == nil ? .toggle : .text,
            isNew: new,
            role: .invocation,
            store: { _, _ throws(ValueFault) in },
            show: { _ in [] }
        )
    }

    /// The environment variables that set it, the stronger first.
    package var variables: [String] { [environment, provisionedEnvironment].compactMap { $0 } }

    /// The file's key.
    package var key: String { withUnderscores(name) }

    /// What to type to give it, for messages: the flag, or the bare word's name.
    package var spelling: String {
        if case .positional = role { return withUnderscores(name.uppercased()) }
        return "--\(name)"
    }
}
