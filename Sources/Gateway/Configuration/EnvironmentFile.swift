// The format of config.env and .env: `KEY=value` lines, as systemd's EnvironmentFile= reads them
// (systemd.exec(5)), so that one file serves the daemon, a unit and a container.
//
// A file that is accepted means here what it means there. What systemd skips or joins silently is
// a fault instead: lines without `=`, names that are none, text after a closing quote, quotes that
// never close. The one addition is a leading `export`, for files that a shell reads too.
//
// Messages never show a part of a line: a line that is wrong may well hold a key.

/// The entries of an environment file, and what is wrong with it.
package struct EnvironmentFile: Sendable, Equatable {
    /// Something that makes a line unusable.
    package struct Fault: Sendable, Equatable {
        /// Counted from 1.
        package let line: Int
        /// What is wrong, for people.
        package let reason: String
    }

    /// In the order of the file; a key may occur more than once, and the last one counts.
    package private(set) var entries: [ConfigurationEntry] = []
    /// In the order of the file.
    package private(set) var faults: [Fault] = []

    /// A larger file is a fault: it is something else.
    package static let bytesMax = 1 << 20

    /// Reads a whole file. Never fails: what cannot be read becomes a fault.
    package init(parsing bytes: [UInt8]) {
        guard bytes.count <= Self.bytesMax else {
            faults = [Fault(line: 1, reason: "the file is larger than \(Self.bytesMax) bytes")]
            return
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            faults = [Fault(line: 1, reason: "the file begins with a byte order mark; remove it")]
            return
        }
        if let zero = bytes.firstIndex(of: 0) {
            let line = 1 + bytes[..<zero].count { $0 == UInt8(ascii: "\n") }
            faults = [Fault(line: line, reason: "there is a NUL byte; this is not a text file")]
            return
        }
        var parser = EnvironmentFileParser(bytes: bytes)
        while parser.parseLine(into: &entries, &faults) {}
    }
}

/// Reads an environment file from its first byte to its last.
struct EnvironmentFileParser {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let backslash = UInt8(ascii: "\\")

    /// Why a line was given up.
    private struct Unreadable: Error {
        let reason: String
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads one blank line, comment or assignment; false at the end of the file.
    mutating func parseLine(
        into entries: inout [ConfigurationEntry], _ faults: inout [EnvironmentFile.Fault]
    ) -> Bool {
        skipBlanks()
        guard position < bytes.count else { return false }
        let start = (position: position, line: line)
        do {
            switch bytes[position] {
            case let byte where Self.endsLine(byte): try endLine()
            case UInt8(ascii: "#"), UInt8(ascii: ";"): try skipComment()
            default: entries.append(try assignment())
            }
        } catch {
            faults.append(EnvironmentFile.Fault(line: start.line, reason: error.reason))
            // Also after a quote that never closes: the lines behind it have their own faults.
            (position, line) = start
            skipLine()
        }
        return true
    }

    // MARK: Lines

    private mutating func skipComment() throws(Unreadable) {
        while let byte = peek(), !Self.endsLine(byte) { position += 1 }
        guard bytes[position - 1] != Self.backslash else {
            throw Unreadable(
                reason: "a comment ends with a backslash; systemd before 254 takes the next line"
                    + " for a part of it")
        }
        try endLine()
    }

    private mutating func assignment() throws(Unreadable) -> ConfigurationEntry {
        let line = line
        let start = position
        while let byte = peek(), byte != UInt8(ascii: "="), !Self.endsLine(byte) { position += 1 }
        guard peek() == UInt8(ascii: "=") else {
            throw Unreadable(reason: "there is no `=`; write KEY=value, or # before a comment")
        }
        let key = try Self.key(bytes[start..<position])
        position += 1
        skipBlanks()
        let value =
            switch peek() {
            case UInt8(ascii: "'"): try singleQuoted()
            case UInt8(ascii: "\""): try doubleQuoted()
            default: try unquoted()
            }
        guard let text = String(validating: value, as: UTF8.self) else {
            throw Unreadable(reason: "the value is not valid UTF-8")
        }
        return ConfigurationEntry(key: key, value: text, line: line)
    }

    private static func key(_ bytes: ArraySlice<UInt8>) throws(Unreadable) -> String {
        guard var key = String(validating: bytes, as: UTF8.self)?.trimmed else {
            throw Unreadable(reason: "the name before the `=` is not valid UTF-8")
        }
        let words = key.split(whereSeparator: \.isWhitespace)
        if words.count == 2, words[0] == "export" { key = String(words[1]) }
        let isName = key.utf8.allSatisfy {
            HostSyntax.isAlphanumeric($0) || $0 == UInt8(ascii: "_")
        }
        guard isName, let first = key.utf8.first, !HostSyntax.isDigit(first) else {
            throw Unreadable(
                reason:
                    "what stands before the `=` is not a name of letters, digits and underscores")
        }
        return key
    }

    // MARK: Values

    /// Backslash keeps the next character, and joins lines at the end of one; blanks at the end
    /// are dropped unless a backslash stands before them.
    private mutating func unquoted() throws(Unreadable) -> [UInt8] {
        var value: [UInt8] = []
        var kept = 0
        while let byte = peek(), !Self.endsLine(byte) {
            if byte == Self.backslash {
                position += 1
                guard let escaped = peek(), escaped != Self.carriageReturn else {
                    throw Unreadable(
                        reason: "a backslash at the end joins this line with nothing"
                            + " (or the lines end in CR LF)")
                }
                position += 1
                if escaped == Self.newline { line += 1 } else { value.append(escaped) }
                kept = value.count
            } else {
                position += 1
                value.append(byte)
                if !Self.isBlank(byte) { kept = value.count }
            }
        }
        try endLine()
        value.removeLast(value.count - kept)
        return value
    }

    /// Everything as it is up to the next single quote, line ends included.
    private mutating func singleQuoted() throws(Unreadable) -> [UInt8] {
        position += 1
        let start = position
        while let byte = peek(), byte != UInt8(ascii: "'") { advance() }
        guard position < bytes.count else { throw Self.unclosed }
        let value = Array(bytes[start..<position])
        position += 1
        try endQuoted()
        return value
    }

    /// As in a shell: a backslash before one of "\`$ keeps it, before a line end drops both, and
    /// before anything else stays itself.
    private mutating func doubleQuoted() throws(Unreadable) -> [UInt8] {
        position += 1
        var value: [UInt8] = []
        while let byte = peek(), byte != UInt8(ascii: "\"") {
            advance()
            guard byte == Self.backslash else {
                value.append(byte)
                continue
            }
            guard let escaped = peek() else { throw Self.unclosed }
            advance()
            switch escaped {
            case UInt8(ascii: "\""), Self.backslash, UInt8(ascii: "`"), UInt8(ascii: "$"):
                value.append(escaped)
            case Self.newline: break
            default: value += [Self.backslash, escaped]
            }
        }
        guard position < bytes.count else { throw Self.unclosed }
        position += 1
        try endQuoted()
        return value
    }

    private static let unclosed = Unreadable(reason: "the quote that opens the value never closes")

    private mutating func endQuoted() throws(Unreadable) {
        skipBlanks()
        if let byte = peek(), !Self.endsLine(byte) {
            throw Unreadable(
                reason: "there is text after the closing quote; a comment needs a line of its own")
        }
        try endLine()
    }

    // MARK: Bytes

    /// Steps over LF or CR LF, or stays at the end of the file.
    private mutating func endLine() throws(Unreadable) {
        if peek() == Self.carriageReturn {
            guard position + 1 == bytes.count || bytes[position + 1] == Self.newline else {
                throw Unreadable(reason: "there is a carriage return inside the line")
            }
            position += 1
        }
        if position < bytes.count { advance() }
    }

    private mutating func skipLine() {
        while let byte = peek(), byte != Self.newline { position += 1 }
        if position < bytes.count { advance() }
    }

    private mutating func skipBlanks() {
        while let byte = peek(), Self.isBlank(byte) { position += 1 }
    }

    /// Steps over one byte and counts lines.
    private mutating func advance() {
        if bytes[position] == Self.newline { line += 1 }
        position += 1
    }

    private func peek() -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private static func endsLine(_ byte: UInt8) -> Bool {
        byte == newline || byte == carriageReturn
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
}
