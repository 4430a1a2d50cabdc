// The format of environment files, fed as bytes.

import TestSupport
import Testing

@testable import Gateway

@Suite("Environment files") struct EnvironmentFileTests {
    /// Entries as `key=value@line`.
    private func entries(_ text: String) -> [String] {
        EnvironmentFile(parsing: Array(text.utf8)).entries.map {
            "\($0.key)=\($0.value)@\($0.line ?? 0)"
        }
    }

    /// Faults as `line: reason`.
    private func faults(_ text: String) -> [String] {
        EnvironmentFile(parsing: Array(text.utf8)).faults.map { "\($0.line): \($0.reason)" }
    }

    @Test(
        "A value reads as systemd reads it",
        arguments: [
            ("A=b", "b"),
            ("A=b\n", "b"),
            ("A=b\r\n", "b"),
            ("A=b\r", "b"),
            ("  \tA \t= b c \t \n", "b c"),
            ("A=", ""),
            ("A=\n", ""),
            ("A= \t\r\n", ""),
            ("export A=b", "b"),
            ("export\t A=b", "b"),
            ("A=b # c", "b # c"),
            ("A=b;c", "b;c"),
            ("A=b=c", "b=c"),
            ("A=$HOME", "$HOME"),
            (#"A=b"c"'d'"#, #"b"c"'d'"#),
            // Backslashes outside quotes.
            (#"A=a\\b\"c\n"#, #"a\b"cn"#),
            (#"A=a\ \ "#, "a  "),
            ("A=a \\\n  b  \n", "a   b"),
            ("A=a  \\\n  \n", "a  "),
            ("A=\\\n  b", "  b"),
            // Single quotes.
            (#"A='b  c\n"d" $e'"#, #"b  c\n"d" $e"#),
            ("A=' b ' \t\r\n", " b "),
            ("A='a\nb\r\n'", "a\nb\r\n"),
            ("A=''", ""),
            // Double quotes.
            (#"A="b \"c\" \\ \$d \`e\` 'f'""#, #"b "c" \ $d `e` 'f'"#),
            (#"A="\n\t\x""#, #"\n\t\x"#),
            ("A=\"a\\\nb\nc\"  ", "ab\nc"),
            ("A=\" b \"\n", " b "),
            ("A=\"é👩‍👩‍👧\"", "é👩‍👩‍👧"),
        ])
    func values(text: String, value: String) {
        #expect(entries(text) == ["A=\(value)@1"])
        #expect(faults(text) == [])
    }

    @Test("A key may itself be named export") func exportAsKey() {
        #expect(
            entries("export=a\nexport =b\nexport export=c") == [
                "export=a@1", "export=b@2", "export=c@3",
            ])
    }

    @Test("Blank lines and comments are skipped and lines are counted") func lineNumbers() {
        let text = """
            # comment = not an entry
            ; another 'with a quote

              \t# indented
            A=1
            B="two
            lines"
            C=a\\
            b
            export D='x'\r
            \r
            E=5
            """
        #expect(entries(text) == ["A=1@5", "B=two\nlines@6", "C=ab@8", "D=x@10", "E=5@12"])
        #expect(faults(text) == [])
    }

    @Test("An empty file has no entries", arguments: ["", "\n", " ", "#", "\r\n\r\n", "# x"])
    func nothing(text: String) {
        #expect(entries(text) == [])
        #expect(faults(text) == [])
    }

    @Test(
        "A line that systemd would skip or misread is a fault",
        arguments: [
            ("A", "there is no `=`; write KEY=value, or # before a comment"),
            ("A\r\n", "there is no `=`; write KEY=value, or # before a comment"),
            ("=b", Self.notAName),
            ("1A=b", Self.notAName),
            ("A B=c", Self.notAName),
            ("export A B=c", Self.notAName),
            ("A-B=c", Self.notAName),
            ("É=c", Self.notAName),
            ("A\u{0}=c", "there is a NUL byte; this is not a text file"),
            ("\u{FEFF}A=b", "the file begins with a byte order mark; remove it"),
            ("A='b", "the quote that opens the value never closes"),
            ("A=\"b", "the quote that opens the value never closes"),
            ("A=\"b\\\"", "the quote that opens the value never closes"),
            ("A=\"b\\", "the quote that opens the value never closes"),
            ("A='b'c", Self.afterQuote),
            ("A='b' # c", Self.afterQuote),
            ("A=\"b\"\"c\"", Self.afterQuote),
            ("A=b\\", Self.trailing),
            ("A=b\\\r\n", Self.trailing),
            ("A=b\rC=d", "there is a carriage return inside the line"),
            ("# b\rC=d", "there is a carriage return inside the line"),
            (
                "# b\\",
                "a comment ends with a backslash; systemd before 254 takes the next line for a part"
                    + " of it"
            ),
        ])
    func refusals(text: String, reason: String) {
        #expect(faults(text) == ["1: \(reason)"])
        #expect(entries(text) == [])
    }

    static let notAName =
        "what stands before the `=` is not a name of letters, digits and underscores"
    static let afterQuote =
        "there is text after the closing quote; a comment needs a line of its own"
    static let trailing =
        "a backslash at the end joins this line with nothing (or the lines end in CR LF)"

    @Test("After a fault the following lines are read, even after a quote that never closes")
    func recovery() {
        let text = "A='b\nB=2\nnope\nC=3\n"
        #expect(entries(text) == ["B=2@2", "C=3@4"])
        #expect(faults(text).map { $0.prefix(1) } == ["1", "3"])
    }

    @Test("Bytes that are not UTF-8 are a fault of their line, but not in a comment")
    func invalidUTF8() {
        var bytes = Array("# caf".utf8) + [0xE9, 0x0A]
        bytes += Array("A=caf".utf8) + [0xE9, 0x0A]
        bytes += Array("B".utf8) + [0xC0, 0x80] + Array("=x\nC=ok".utf8)
        let file = EnvironmentFile(parsing: bytes)
        #expect(file.entries == [ConfigurationEntry(key: "C", value: "ok", line: 4)])
        #expect(
            file.faults.map { "\($0.line): \($0.reason)" } == [
                "2: the value is not valid UTF-8",
                "3: the name before the `=` is not valid UTF-8",
            ])
    }

    @Test("A NUL byte is told with its line") func nulLine() {
        #expect(faults("A=1\nB=\u{0}\n") == ["2: there is a NUL byte; this is not a text file"])
    }

    @Test("A file that is too large is refused") func tooLarge() {
        let bytes = [UInt8](repeating: 0x0A, count: EnvironmentFile.bytesMax + 1)
        #expect(EnvironmentFile(parsing: bytes).faults.count == 1)
        #expect(EnvironmentFile(parsing: bytes.dropLast()).faults.count == 0)
    }

    @Test("Faults never show a part of the line, which may be a key") func faultsHideText() {
        let secret = "sk-or-v1-secret"
        let lines = [
            secret, "\(secret)==", "KEY \(secret)=", "A='\(secret)", "A='x'\(secret)",
            "A=\(secret)\\", "\(secret)\r=x", "# \(secret)\\",
        ]
        for line in lines {
            let found = faults(line)
            #expect(found.count == 1, "\(line)")
            #expect(!found.joined().occurs("sk-or"), "\(line)")
        }
    }

    @Test("Every beginning of a file is read without harm, and entries only grow")
    func prefixes() {
        let text = Array(
            "# c\nA=1\nexport B='x\ny'\r\nC=\"a\\\"b\\\nc\" \nD=e\\\nf \\ \n;g\nH=i".utf8)
        let whole = EnvironmentFile(parsing: text)
        #expect(whole.faults == [])
        for end in text.indices {
            let part = EnvironmentFile(parsing: Array(text[..<end]))
            // The last entry may be cut; those before it stand.
            let settled = part.entries.dropLast()
            #expect(settled.elementsEqual(whole.entries.prefix(settled.count)), "\(end)")
            #expect(part.faults.count <= 2, "\(end)")
        }
    }

    @Test("Garbage gives entries or faults, and lines are never lost") func garbage() {
        let alphabet = Array("A=b'\"\\\r\n#; \t$".utf8) + [0xFF, 0xC3, 0xA9]
        var generator = SplitMix64(seed: 2)
        for _ in 0..<rounds(20_000) {
            let count = Int.random(in: 0...24, using: &generator)
            var bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            // A line end that is neither quoted nor escaped, then an entry: it must be found.
            bytes += Array("\n\nLAST=1\n".utf8)
            let file = EnvironmentFile(parsing: bytes)
            let found = file.entries.contains { $0.key == "LAST" && $0.value == "1" }
            #expect(found || !file.faults.isEmpty, "\(bytes)")
            for fault in file.faults { #expect(fault.line >= 1 && fault.line <= count + 3) }
        }
    }

    @Test("A value that print-config writes reads back as it was") func roundTrip() {
        let alphabet = Array("ab\"'\\$` #;=é\t%")
        var generator = SplitMix64(seed: 3)
        for _ in 0..<rounds(5000) {
            let count = Int.random(in: 0...12, using: &generator)
            let value = String(
                (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
            let file = EnvironmentFile(
                parsing: Array("A=\(OptionTable.environmentFileValue(value))".utf8))
            #expect(file.entries.map(\.value) == [value])
            #expect(file.faults == [])
        }
    }
}
