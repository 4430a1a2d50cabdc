// What the doctor has found out, one thing at a time, and how it is shown: as lines for people or as
// JSON. `Checkup` makes findings out of facts; `Daemon/Doctor` gathers the facts.

import Translation

/// The result of one check.
package struct Finding: Sendable, Equatable {
    package enum Verdict: String, Sendable {
        case good = "ok"
        /// It works, but not as it should.
        case warning
        /// The proxy cannot do its work until this is put right.
        case failure = "failed"
        /// It could not be looked at, or does not apply.
        case skipped
    }

    /// What was looked at, in a word or two. A name for scripts: it does not change.
    package let check: String
    package let verdict: Verdict
    /// What was found, in a sentence.
    package let text: String
    /// What to do about it; nil when there is nothing to do.
    package let remedy: String?

    /// The same of an upstream that has a name: the check says which, and texts name its own settings.
    package func of(_ upstream: UpstreamConfiguration) -> Finding {
        guard upstream.name != UpstreamConfiguration.mainName else { return self }
        let settings = [
            ("CLAUDE_PROXY_UPSTREAM_URL", upstream.urlName),
            ("CLAUDE_PROXY_UPSTREAM_CA_FILE", upstream.caFileName),
            ("OPENROUTER_API_KEY", upstream.keyName),
        ]
        func own(_ text: String) -> String {
            settings.reduce(text) {
                $0.split(separator: $1.0, omittingEmptySubsequences: false)
                    .joined(separator: $1.1)
            }
        }
        return Finding(
            check: "\(check) (\(upstream.name))", verdict: verdict, text: own(text),
            remedy: remedy.map(own))
    }

    /// The same of what no request needs: nothing of it keeps the proxy from its work.
    package var ofUnused: Finding {
        guard verdict == .failure else { return self }
        return Finding(
            check: check, verdict: .warning, text: "\(text) (no chain of models needs it)",
            remedy: remedy)
    }

    /// The same of one key of several.
    package func ofKey(_ upstream: UpstreamConfiguration) -> Finding {
        guard upstream.keyCount > 1 else { return self }
        return Finding(
            check: check, verdict: verdict,
            text: "key \(upstream.keyNumber) of \(upstream.keyCount): \(text)", remedy: remedy)
    }

    package static func good(_ check: String, _ text: String) -> Finding {
        Finding(check: check, verdict: .good, text: text, remedy: nil)
    }

    package static func warning(_ check: String, _ text: String, remedy: String) -> Finding {
        Finding(check: check, verdict: .warning, text: text, remedy: remedy)
    }

    package static func failure(_ check: String, _ text: String, remedy: String) -> Finding {
        Finding(check: check, verdict: .failure, text: text, remedy: remedy)
    }

    package static func skipped(_ check: String, _ text: String) -> Finding {
        Finding(check: check, verdict: .skipped, text: text, remedy: nil)
    }
}

/// All findings of one visit.
package struct Diagnosis: Sendable {
    package let version: String
    package private(set) var findings: [Finding] = []
    /// What must not be shown, whoever may have said it.
    private let secrets: [[UInt8]]

    /// - Parameter secrets: removed from every text.
    package init(version: String, secrets: [[UInt8]]) {
        self.version = version
        self.secrets = secrets
    }

    package mutating func add(_ new: [Finding]) {
        findings += new.map { finding in
            Finding(
                check: finding.check, verdict: finding.verdict, text: cleaned(finding.text),
                remedy: finding.remedy.map(cleaned))
        }
    }

    /// Without secrets, and on one line: upstreams are quoted, and may say anything.
    private func cleaned(_ text: String) -> String {
        secrets.reduce(SecretScrubber.scrub(text, secret: [])) {
            SecretScrubber.scrub($0, secret: $1)
        }.oneLine
    }

    package var hasFailed: Bool { findings.contains { $0.verdict == .failure } }

    private func count(_ verdict: Finding.Verdict) -> Int {
        findings.count { $0.verdict == verdict }
    }

    // MARK: For people

    /// A line a finding, its remedy below it, and a summary.
    ///
    /// - Parameter colours: whether verdicts are coloured, for terminals.
    package func text(colours: Bool) -> String {
        let width = findings.map(\.check.utf8.count).max() ?? 0
        var lines = findings.flatMap { finding in
            let padding = String(repeating: " ", count: width - finding.check.utf8.count)
            let mark = Self.mark(finding.verdict, colours: colours)
            var lines = ["\(mark)  \(finding.check)\(padding)  \(finding.text)"]
            if let remedy = finding.remedy {
                lines.append(String(repeating: " ", count: width + 8) + "→ \(remedy)")
            }
            return lines
        }
        let summary = [(count(.failure), "failed"), (count(.warning), "to look at")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        lines.append(summary.isEmpty ? "All is well." : summary.joined(separator: ", ") + ".")
        return lines.joined(separator: "\n")
    }

    /// Four columns wide.
    private static func mark(_ verdict: Finding.Verdict, colours: Bool) -> String {
        // Select Graphic Rendition (ECMA-48 §8.3.117): green, yellow, bold red, faint.
        let (word, rendition) =
            switch verdict {
            case .good: ("ok  ", "32")
            case .warning: ("warn", "33")
            case .failure: ("FAIL", "1;31")
            case .skipped: ("skip", "2")
            }
        return colours ? "\u{1B}[\(rendition)m\(word)\u{1B}[0m" : word
    }

    // MARK: For programs

    /// `{"version":…,"verdict":…,"findings":[{"check":…,"verdict":…,"text":…,"remedy":…}]}`, a
    /// finding a line.
    package var json: String {
        var output: [UInt8] = []
        output.append(#"{"version":"#)
        output.append(jsonString: version)
        output.append(#","verdict":"#)
        let worst: Finding.Verdict =
            hasFailed ? .failure : count(.warning) > 0 ? .warning : .good
        output.append(jsonString: worst.rawValue)
        output.append(#","findings":["#)
        for (index, finding) in findings.enumerated() {
            output.append(index == 0 ? "\n" : ",\n")
            output.append(#"{"check":"#)
            output.append(jsonString: finding.check)
            output.append(#","verdict":"#)
            output.append(jsonString: finding.verdict.rawValue)
            output.append(#","text":"#)
            output.append(jsonString: finding.text)
            if let remedy = finding.remedy {
                output.append(#","remedy":"#)
                output.append(jsonString: remedy)
            }
            output.append("}")
        }
        output.append("\n]}")
        return String(decoding: output, as: UTF8.self)
    }
}

extension String {
    /// Characters that could forge lines, drive a terminal or turn what is read become blanks.
    fileprivate var oneLine: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { scalar in
                    LogText.isUnsafe(scalar) ? " " : scalar
                }))
    }
}
