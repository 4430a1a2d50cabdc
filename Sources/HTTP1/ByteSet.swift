// Which bytes may stand where: the character classes of RFC 9110 and RFC 9112 as bit masks.
//
// A class is two words, so a test is a shift and a mask, no table in memory and no branch per
// byte. Bytes from 0x80 up are in no class. ByteSetTests spells every class out as a string.

/// A set of ASCII bytes.
struct ByteSet: Sendable {
    /// Bytes 0x00–0x3F, bit n for byte n.
    let low: UInt64
    /// Bytes 0x40–0x7F, bit n for byte 0x40 + n.
    let high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word = byte < 0x40 ? low : high
        return byte < 0x80 && (word &>> UInt64(byte & 0x3F)) & 1 != 0
    }

    /// `tchar`, of which methods and field names are made: letters, digits and
    /// ``!#$%&'*+-.^_`|~`` (RFC 9110 §5.6.2).
    static let token = ByteSet(low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)

    /// A request target: visible ASCII without `#`. More than RFC 3986 allows (`{`, `|`, …, which
    /// real clients do send and no path of ours contains), less than what can be misread.
    static let target = ByteSet(low: 0xffff_fff6_0000_0000, high: 0x7fff_ffff_ffff_ffff)

    /// A host name or an IPv4 address: letters, digits and `-._~`. RFC 3986 also allows percent
    /// encoding and sub-delimiters, which no name that resolves contains; a comma, one of them,
    /// would be two Host fields that somebody has merged.
    static let host = ByteSet(low: 0x03ff_6000_0000_0000, high: 0x47ff_fffe_87ff_fffe)

    /// What an outbound field value may hold: visible ASCII, blank and tab.
    static let fieldValue = ByteSet(low: 0xffff_ffff_0000_0200, high: 0x7fff_ffff_ffff_ffff)
}

/// The bytes that have a name in this module.
enum Byte {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let blank: UInt8 = 0x20
    static let numberSign: UInt8 = 0x23
    static let percent: UInt8 = 0x25
    static let asterisk: UInt8 = 0x2A
    static let comma: UInt8 = 0x2C
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let zero: UInt8 = 0x30
    static let nine: UInt8 = 0x39
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let questionMark: UInt8 = 0x3F
    static let openBracket: UInt8 = 0x5B
    static let closeBracket: UInt8 = 0x5D
    static let delete: UInt8 = 0x7F

    @inline(__always)
    static func isBlankOrTab(_ byte: UInt8) -> Bool { byte == blank || byte == tab }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

    /// A control byte other than tab: what may stand in no field value and no chunk extension.
    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool {
        (byte < 0x20 && byte != tab) || byte == delete
    }

    /// The value of a hexadecimal digit of either case.
    @inline(__always)
    static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
        let digit = byte &- zero
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }
}
