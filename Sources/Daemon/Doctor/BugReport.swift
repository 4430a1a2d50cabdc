// `claude-proxy report`: what somebody who is to find a fault wants to know, as one text to paste. It
// holds no secret and nothing of a conversation: the configuration is printed masked, the log has no
// text of either side in it, and all of it is scrubbed once more at the end.

package import Gateway
import Glibc
import Translation
import Upstream

/// The account of an installation, for others to read.
package struct BugReport {
    private let resolution: Resolution
    private let version: String
    private let diagnosis: Diagnosis

    private static let logLines = 200

    package init(_ resolution: Resolution, version: String, diagnosis: Diagnosis) {
        self.resolution = resolution
        self.version = version
        self.diagnosis = diagnosis
    }

    package var text: String {
        let sections = [
            ("System", system), ("Configuration", configuration),
            ("Doctor", diagnosis.text(colours: false)), ("Unit", unit), ("Log", log),
        ]
        let whole = sections.map { "## \($0)\n\n\($1)\n" }.joined(separator: "\n")
        let scrubbed = resolution.secrets.reduce(SecretScrubber.scrub(whole, secret: [])) {
            SecretScrubber.scrub($0, secret: $1)
        }
        // Lines of the log and of others' programs drive no terminal.
        return scrubbed.split(separator: "\n", omittingEmptySubsequences: false)
            .map { LogText.shown(String($0)) }.joined(separator: "\n")
    }

    private var system: String {
        var name = utsname()
        // SAFETY: the call fills the local value.
        unsafe uname(&name)
        let kernel = "\(Self.text(name.sysname)) \(Self.text(name.release))"
        return """
            claude-proxy \(version)
            \(UpstreamProbe.libraryVersion)
            \(Self.distribution), \(kernel), \(Self.text(name.machine))
            systemd: \(Self.firstLine(["systemctl", "--version"]) ?? "none")
            virtualization: \(Self.firstLine(["systemd-detect-virt"]) ?? "not known")
            """
    }

    private var configuration: String {
        resolution.printedConfiguration()
            ?? resolution.faults.map(\.description).joined(separator: "\n")
    }

    private var unit: String {
        let facts = ServiceProbe.unit()
        guard let properties = facts.properties else { return "systemd does not run here." }
        return UnitFacts.names.compactMap { name in properties[name].map { "\(name)=\($0)" } }
            .joined(separator: "\n")
    }

    private var log: String {
        let scope = getuid() == 0 ? [] : ["--user-unit=claude-proxy"]
        let command =
            ["journalctl", "--unit=claude-proxy"] + scope + [
                "--no-pager", "--no-hostname", "--output=short-iso", "--lines=\(Self.logLines)",
            ]
        guard let output = Command.run(command, within: .seconds(10)) else {
            return "There is no journal to read."
        }
        let text = output.text
        return text.isEmpty
            ? "-- No entries --" : String(text.dropLast(text.hasSuffix("\n") ? 1 : 0))
    }

    // MARK: Facts

    /// The name in os-release(5).
    private static var distribution: String {
        guard case .success(let bytes) = FileContents.read("/etc/os-release") else {
            return "an unknown distribution"
        }
        let name = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("PRETTY_NAME=") }
        return name.map { $0.dropFirst(12).filter { $0 != "\"" } } ?? "an unknown distribution"
    }

    private static func firstLine(_ command: [String]) -> String? {
        Command.run(command, within: .seconds(5))?.text.split(separator: "\n").first
            .map(String.init)
    }

    /// A C string in a field of fixed size.
    private static func text<Field>(_ field: Field) -> String {
        // SAFETY: the field is an array of characters that the kernel has ended with a zero.
        unsafe withUnsafeBytes(of: field) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
