// The bit masks against the grammar spelled out, and the word-wise searches against plain loops.

import TestSupport
import Testing

@testable import HTTP1

@Suite struct ByteSetTests {
    private static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    private static let digits = "0123456789"
    private static let marks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

    @Test func `each class holds what its grammar says and nothing else`() {
        for (set, members) in [
            (ByteSet.token, "!#$%&'*+-.^_`|~" + Self.digits + Self.letters),
            (.target, Self.marks.filter { $0 != "#" } + Self.digits + Self.letters),
            (.host, "-._~" + Self.digits + Self.letters),
            (.fieldValue, " \t" + Self.marks + Self.digits + Self.letters),
        ] {
            for byte in UInt8.min...UInt8.max {
                #expect(set.contains(byte) == members.utf8.contains(byte), "\(byte)")
            }
        }
    }

    @Test func `control bytes, digits and hexadecimal digits are told apart`() {
        for byte in UInt8.min...UInt8.max {
            #expect(Byte.isControl(byte) == ((byte < 32 && byte != 9) || byte == 127))
            #expect(Byte.isDigit(byte) == (48...57).contains(byte))
            let digit = byte < 128 ? Character(Unicode.Scalar(byte)).hexDigitValue : nil
            #expect(Byte.hexadecimalValue(byte).map(Int.init) == digit)
        }
    }
}

@Suite struct SpanScanningTests {
    @Test func `a line feed is found wherever it stands, and only in the range`() {
        for length in 0..<40 {
            for place in 0..<max(length, 1) {
                // 0x0B beside a line feed is what a careless borrow trick falls for.
                var bytes = [UInt8](repeating: 0x0B, count: length)
                #expect(bytes.firstLineFeed(from: 0, to: length) == nil)
                guard place < length else { continue }
                bytes[place] = 0x0A
                #expect(bytes.firstLineFeed(from: 0, to: length) == place)
                #expect(bytes.firstLineFeed(from: place, to: length) == place)
                #expect(bytes.firstLineFeed(from: place + 1, to: length) == nil)
                #expect(bytes.firstLineFeed(from: 0, to: place) == nil)
            }
        }
    }

    @Test func `the first control byte is found among all neighbours`() {
        var random = SplitMix64(seed: 3)
        let alphabet: [UInt8] = [
            0x00, 0x08, 0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x21, 0x7E, 0x7F, 0x80, 0x89, 0x9F, 0xFF,
        ]
        for _ in 0..<5_000 {
            let harmless = random.below(30)
            var bytes = (0..<harmless).map { _ in UInt8(0x20 + random.below(0x5F)) }
            bytes += (0..<random.below(12)).map { _ in alphabet[random.below(alphabet.count)] }
            for start in [0, bytes.count / 2, bytes.count] {
                let expected = bytes[start...].firstIndex(where: Byte.isControl) ?? bytes.count
                #expect(bytes.firstControlByte(from: start) == expected)
            }
        }
    }

    @Test func `comparison without case takes a letter's other case and no other byte`() {
        let name: [UInt8] = Array("content-LENGTH".utf8)
        #expect(name.equalsIgnoringCase("Content-Length", in: 0..<14))
        #expect(!name.equalsIgnoringCase("content-lengt", in: 0..<14))
        #expect(!name.equalsIgnoringCase("content-length", in: 0..<13))
        #expect(name.equals("LENGTH", in: 8..<14))
        #expect(!name.equals("length", in: 8..<14))
        for place in name.indices {
            for byte in UInt8(0x20)...0xFF {
                var changed = name
                changed[place] = byte
                let isSame = byte < 0x80 && lowercase(byte) == lowercase(name[place])
                #expect(
                    changed.equalsIgnoringCase("content-length", in: 0..<14) == isSame)
            }
        }
    }

    private func lowercase(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
    }
}

/// The searches on arrays: `#expect` cannot hold a Span.
extension [UInt8] {
    fileprivate func firstLineFeed(from start: Int, to end: Int) -> Int? {
        span.firstLineFeed(from: start, to: end)
    }

    fileprivate func firstControlByte(from start: Int) -> Int {
        span.firstControlByte(from: start)
    }

    fileprivate func equalsIgnoringCase(_ text: StaticString, in range: Range<Int>) -> Bool {
        span.equalsIgnoringCase(text, in: range)
    }

    fileprivate func equals(_ text: StaticString, in range: Range<Int>) -> Bool {
        span.equals(text, in: range)
    }
}
