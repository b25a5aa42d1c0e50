// SPDX-License-Identifier: Apache-2.0

/// The scripts by which bash, zsh and fish complete a command line of this program; made from the table of options.
///
/// Each finds the subcommand among the words before the cursor, then whether the word before is a flag whose value is due.
package enum Completions {
    /// One command line that there is: that of the program, whose name is empty, or of a subcommand.
    typealias Context = (name: String, options: [Option])

    /// The script for `bash`, `zsh` or `fish`.
    static func script(
        _ shell: String,
        _ subcommands: [Subcommand]
    ) throws(ConfigurationError) -> String {
        let contexts = [("", Option.flags)] + subcommands.map { ($0.name, $0.allFlags) }
        let text =
            switch shell {
            case "bash": BashCompletion.text(contexts, subcommands)
            case "zsh": ZshCompletion.text(contexts, subcommands)
            case "fish": FishCompletion.text(contexts, subcommands)
            default:
                throw .noSuchWord(shell, flag: "--print-completions", known: ["bash", "zsh", "fish"])
            }
        return "\(text)\n"
    }

    /// Flags of a context whose values are alike, as patterns of `case "$command $flag"`, and what stands for their values.
    static func values(
        _ contexts: [Context],
        _ subcommands: [Subcommand]
    ) -> [(patterns: [String], hint: ValueHint)] {
        var rows: [(patterns: [String], hint: ValueHint)] = []
        for (name, options) in contexts {
            for option in options where option.takesValue {
                let hint = ValueHint(placeholder: option.placeholder, subcommands: subcommands)
                let patterns = option.spellings.map { "'\(name) \($0)'" }
                if let index = rows.firstIndex(where: { $0.hint == hint }) {
                    rows[index].patterns += patterns
                } else {
                    rows.append((patterns, hint))
                }
            }
        }
        return rows
    }

    /// A first sentence of help, short enough for a list of candidates.
    static func summary(_ option: Option) -> String {
        let words = option.help.split(separator: " ")
        let end =
            words.firstIndex { $0 != "e.g." && ($0.hasSuffix(".") || $0.hasSuffix(";")) }.map { $0 + 1 }
            ?? words.count
        let sentence = words[..<end].joined(separator: " ")
        return sentence.hasSuffix(".") || sentence.hasSuffix(";") ? String(sentence.dropLast()) : sentence
    }

    /// What bash or zsh does for a value: sets its words, as `assignment` writes them, and the kind of its path, each followed
    /// by a space.
    fileprivate static func action(_ hint: ValueHint, _ assignment: (String) -> String) -> String {
        let words = hint.words.isEmpty ? "" : assignment(hint.words.joined(separator: " ")) + " "
        return words + (hint.path == .none ? "" : "kind=\(hint.path) ")
    }

    /// Patterns in lines that can be read.
    fileprivate static func joined(_ patterns: [String]) -> String {
        var lines = [""]
        for (index, pattern) in patterns.enumerated() {
            let word = index + 1 < patterns.count ? "\(pattern) | " : pattern
            if lines[lines.count - 1].count + word.count > 100 { lines.append("") }
            lines[lines.count - 1] += word
        }
        return lines.joined(separator: "\\\n        ")
    }
}

/// For bash 4 and newer; does without the package bash-completion.
private enum BashCompletion {
    static func text(_ contexts: [Completions.Context], _ subcommands: [Subcommand]) -> String {
        let names = subcommands.map(\.name)
        let values = Completions.values(contexts, subcommands).map { row in
            let action = Completions.action(row.hint) { "words='\($0)'" }
            return "    \(Completions.joined(row.patterns))) \(action);;"
        }
        let flags = contexts.map { context in
            let spellings = context.options.flatMap(\.spellings).joined(separator: " ")
            return "    '\(context.name)') words='\(spellings)' ;;"
        }
        return """
            # bash completion for scaler-oci-hpc; printed by scaler-oci-hpc --print-completions bash

            # Sets words and kind for the value of flag $2 of subcommand $1; fails where the flag takes none.
            _scaler_oci_hpc_value() {
                words='' kind=''
                case "$1 $2" in
            \(values.joined(separator: "\n"))
                *) return 1 ;;
                esac
            }

            _scaler_oci_hpc_flags() {
                case "$1" in
            \(flags.joined(separator: "\n"))
                esac
            }

            _scaler_oci_hpc() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
                local command='' words='' kind='' index word
                for ((index = 1; index < COMP_CWORD; index++)); do
                    word=${COMP_WORDS[index]}
                    case $word in
                    -*) if [[ ${COMP_WORDS[index + 1]} != '=' ]] && _scaler_oci_hpc_value "$command" "$word"; then ((index++)); fi ;;
                    '=') ((index++)) ;;
                    \(names.isEmpty ? "''" : names.joined(separator: " | "))) [[ -n $command ]] || command=$word ;;
                    esac
                done
                # bash makes a word of the = in --flag=value.
                if [[ $current == '=' ]]; then
                    current=''
                elif [[ $previous == '=' ]]; then
                    previous=${COMP_WORDS[COMP_CWORD - 2]}
                fi
                if ! _scaler_oci_hpc_value "$command" "$previous"; then
                    words='' kind=''
                    if [[ $current == -* || (-n $command && $command != up) ]]; then
                        _scaler_oci_hpc_flags "$command"
                    elif [[ -n $command ]]; then
                        kind=toml
                    else
                        words='\(names.joined(separator: " "))' kind=toml
                    fi
                fi
                [[ -z $kind ]] || compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(
                    compgen -W "$words" -- "$current"
                    case $kind in
                    file) compgen -f -- "$current" ;;
                    directory) compgen -d -- "$current" ;;
                    toml) compgen -f -X '!*.toml' -- "$current"; compgen -d -- "$current" ;;
                    esac
                )
            }

            complete -F _scaler_oci_hpc scaler-oci-hpc
            """
    }
}

/// For zsh 5; as a file of the name `_scaler-oci-hpc` in `fpath`, or read by `source`.
private enum ZshCompletion {
    static func text(_ contexts: [Completions.Context], _ subcommands: [Subcommand]) -> String {
        let values = Completions.values(contexts, subcommands).map { row in
            let action = Completions.action(row.hint) { "choices=(\($0))" }
            return "    (\(Completions.joined(row.patterns))) \(action);;"
        }
        let flags = contexts.map { context in
            let rows = context.options.flatMap { option in
                option.spellings.map { "        \(described($0, Completions.summary(option)))" }
            }
            return "    ('\(context.name)') choices=(\n\(rows.joined(separator: "\n"))\n    ) ;;"
        }
        let names = subcommands.map(\.name).joined(separator: " | ")
        let summaries = subcommands.map { "            \(described($0.name, $0.summary))" }
        return """
            #compdef scaler-oci-hpc
            # zsh completion for scaler-oci-hpc; printed by scaler-oci-hpc --print-completions zsh

            # Sets choices and kind for the value of flag $2 of subcommand $1; fails where the flag takes none.
            _scaler_oci_hpc_value() {
                choices=() kind=''
                case "$1 $2" in
            \(values.joined(separator: "\n"))
                (*) return 1 ;;
                esac
            }

            _scaler_oci_hpc_flags() {
                case "$1" in
            \(flags.joined(separator: "\n"))
                esac
            }

            _scaler-oci-hpc() {
                local previous=${words[CURRENT - 1]} command='' kind='' index
                local -a choices
                for ((index = 2; index < CURRENT; index++)); do
                    case ${words[index]} in
                    (-*) if _scaler_oci_hpc_value "$command" "${words[index]}"; then ((index++)); fi ;;
                    (\(names.isEmpty ? "''" : names)) [[ -n $command ]] || command=${words[index]} ;;
                    esac
                done
                if [[ $PREFIX == --*=* ]]; then
                    previous=${PREFIX%%=*}
                    compset -P '*='
                fi
                if _scaler_oci_hpc_value "$command" "$previous"; then
                    case $kind in
                    (file) _alternative 'choices:choice:compadd -a choices' 'files:file:_files' ;;
                    (directory) _files -/ ;;
                    (*) compadd -a choices ;;
                    esac
                elif [[ $PREFIX == -* || (-n $command && $command != up) ]]; then
                    _scaler_oci_hpc_flags "$command"
                    _describe -o 'flag' choices
                elif [[ -n $command ]]; then
                    _files -g '*.toml'
                else
                    choices=(
            \(summaries.joined(separator: "\n"))
                    )
                    _describe 'subcommand' choices
                    _files -g '*.toml'
                fi
            }

            if [[ ${funcstack[1]} == _scaler-oci-hpc ]]; then
                _scaler-oci-hpc "$@"
            else
                compdef _scaler-oci-hpc scaler-oci-hpc
            fi
            """
    }

    private static func described(_ word: String, _ summary: String) -> String {
        "'\(word):\(summary.map { $0 == "'" ? "'\\''" : String($0) }.joined())'"
    }
}

/// For fish 3; its flags of several letters behind one dash are those of the old style, `-o`.
private enum FishCompletion {
    private typealias Row = (contexts: [String], option: Option)

    static func text(_ contexts: [Completions.Context], _ subcommands: [Subcommand]) -> String {
        let begin = "complete -c scaler-oci-hpc"
        let names = subcommands.map(\.name).joined(separator: " ")
        let commands = subcommands.map {
            "\(begin) -n '__scaler_oci_hpc_is \"\"' -a \($0.name) -d \(quoted($0.summary))"
        }
        let flags = rows(contexts).map { row in
            let places = row.contexts.map { $0.isEmpty ? "\"\"" : $0 }.joined(separator: " ")
            let short = row.option.short.map { " \($0.count == 1 ? "-s" : "-o") \($0)" } ?? ""
            return "\(begin) -n '__scaler_oci_hpc_is \(places)' -l \(row.option.name)\(short)"
                + "\(value(row.option, subcommands)) -d \(quoted(Completions.summary(row.option)))"
        }
        return """
            # fish completion for scaler-oci-hpc; printed by scaler-oci-hpc --print-completions fish

            # True in a command line of one of the subcommands that are named, or, for an empty name, of none.
            function __scaler_oci_hpc_is
                set -l command ''
                for word in (commandline -opc)[2..-1]
                    if contains -- $word \(names)
                        set command $word
                        break
                    end
                end
                contains -- "$command" $argv
            end

            function __scaler_oci_hpc_files
                for file in (commandline -ct)*.toml
                    echo $file
                end
                __fish_complete_directories
            end

            \(begin) -f
            \(begin) -n '__scaler_oci_hpc_is "" up' -a '(__scaler_oci_hpc_files)'
            \((commands + flags).joined(separator: "\n"))
            """
    }

    /// Each flag once, with all command lines in which it means the same.
    private static func rows(_ contexts: [Completions.Context]) -> [Row] {
        var rows: [Row] = []
        for (name, options) in contexts {
            for option in options {
                let same = rows.firstIndex { row in
                    let other = row.option
                    return other.name == option.name && other.short == option.short
                        && other.help == option.help
                        && other.placeholder == option.placeholder
                }
                if let same { rows[same].contexts.append(name) } else { rows.append(([name], option)) }
            }
        }
        return rows
    }

    private static func value(_ option: Option, _ subcommands: [Subcommand]) -> String {
        guard option.takesValue else { return "" }
        let hint = ValueHint(placeholder: option.placeholder, subcommands: subcommands)
        var words = hint.words
        if hint.path == .directory { words.append("(__fish_complete_directories)") }
        let offered = words.isEmpty ? "" : " -a \(quoted(words.joined(separator: " ")))"
        return (hint.path == .file ? " -r -F" : " -x") + offered
    }

    private static func quoted(_ text: String) -> String {
        "'\(text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined())'"
    }
}
