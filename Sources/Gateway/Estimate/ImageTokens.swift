// What a picture costs. Providers count by its size, which stands in the first bytes of every common
// format; so only the beginning of the base64 text is decoded.

import Translation

/// A picture's size in pixels.
struct ImageSize: Equatable {
    var width: Int
    var height: Int

    /// Beyond this no decoder goes, and no product overflows.
    private static let sideMax = 1 << 20
    /// JPEG has its size behind metadata of any length; farther in than this nobody looks.
    private static let base64BytesMax = 128 << 10

    /// Reads the size from the beginning of a PNG, JPEG, GIF or WebP file in base64; nil when it
    /// cannot be told.
    init?(base64 text: Span<UInt8>) {
        // Most sizes stand in the first 32 bytes; only JPEG needs more.
        if let size = Self.read(Self.decode(text.extracting(first: min(text.count, 64)))) {
            self = size
            return
        }
        guard text.count > 64, Self.isJPEG(text) else { return nil }
        let head = text.extracting(first: min(text.count, Self.base64BytesMax))
        guard let size = Self.read(Self.decode(head)) else { return nil }
        self = size
    }

    private init?(_ width: Int, _ height: Int) {
        guard (1...Self.sideMax).contains(width), (1...Self.sideMax).contains(height) else {
            return nil
        }
        self.width = width
        self.height = height
    }

    private static func read(_ bytes: [UInt8]) -> ImageSize? {
        func isAt(_ offset: Int, _ text: StaticString) -> Bool {
            bytes.dropFirst(offset).starts(with: "\(text)".utf8)
        }
        func big(_ offset: Int, _ count: Int) -> Int {
            bytes[offset..<offset + count].reduce(0) { $0 << 8 | Int($1) }
        }
        func little(_ offset: Int, _ count: Int) -> Int {
            bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        // PNG: the IHDR chunk comes first (ISO 15948, 11.2.2).
        if bytes.count >= 24, bytes[0] == 0x89, isAt(1, "PNG") {
            return ImageSize(big(16, 4), big(20, 4))
        }
        if bytes.count >= 10, isAt(0, "GIF8") { return ImageSize(little(6, 2), little(8, 2)) }
        if bytes.count >= 30, isAt(0, "RIFF"), isAt(8, "WEBP") {
            // Three containers (RFC 9649, 2.5 to 2.7).
            if isAt(12, "VP8 ") {
                return ImageSize(little(26, 2) & 0x3FFF, little(28, 2) & 0x3FFF)
            }
            if isAt(12, "VP8L") {
                let bits = little(21, 4)
                return ImageSize((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
            }
            if isAt(12, "VP8X") { return ImageSize(little(24, 3) + 1, little(27, 3) + 1) }
            return nil
        }
        guard bytes.count >= 4, bytes[0] == 0xFF, bytes[1] == 0xD8 else { return nil }
        // JPEG: segments up to the frame header (ITU T.81, B.1.1.4 and B.2.2).
        var offset = 2
        while offset + 9 <= bytes.count {
            guard bytes[offset] == 0xFF else { return nil }
            let marker = bytes[offset + 1]
            if marker == 0xFF {
                offset += 1
            } else if marker == 0x01 || (0xD0...0xD8).contains(marker) {
                offset += 2
            } else if (0xC0...0xCF).contains(marker), ![0xC4, 0xC8, 0xCC].contains(marker) {
                return ImageSize(big(offset + 7, 2), big(offset + 5, 2))
            } else {
                offset += 2 + max(2, big(offset + 2, 2))
            }
        }
        return nil
    }

    private static func decode(_ text: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for index in text.indices {
            guard let digit = digit(text[index]) else { break }
            bits = bits << 6 | digit
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte) - 97 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) - 48 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// 0xFF 0xD8 in base64 is `/9`.
    private static func isJPEG(_ text: Span<UInt8>) -> Bool {
        text[0] == UInt8(ascii: "/") && text[1] == UInt8(ascii: "9")
    }
}

extension ImageSize {
    /// The tokens that a picture of this size costs.
    func tokens(_ format: PromptFormat, isGemini: Bool) -> Int {
        if isGemini { return geminiTokens }
        switch format {
        case .harmony, .openAI: return openAITokens
        case .chatML: return anthropicTokens
        }
    }

    /// Scaled into 2048 × 2048, then to a shorter side of 768 at most; 85, and 170 for each square of
    /// 512 (OpenAI's guide "Images and vision", gpt-4o).
    private var openAITokens: Int {
        var scale = min(1, 2048 / Double(max(width, height)))
        scale *= min(1, 768 / (Double(min(width, height)) * scale))
        let columns = Self.tiles((Double(width) * scale).rounded(), of: 512)
        let rows = Self.tiles((Double(height) * scale).rounded(), of: 512)
        return 85 + 170 * columns * rows
    }

    /// Scaled to a longer side of 1568 at most; width × height / 750, at most about 1600 (Anthropic's
    /// guide "Vision").
    private var anthropicTokens: Int {
        let scale = min(1, 1568 / Double(max(width, height)))
        let pixels = Double(width) * scale * Double(height) * scale
        return max(1, min(1600, Int(pixels / 750)))
    }

    /// 258 when both sides are at most 384, else 258 for each square of 768 (Google's guide
    /// "Understand and count tokens").
    private var geminiTokens: Int {
        if width <= 384, height <= 384 { return 258 }
        return 258 * Self.tiles(Double(width), of: 768) * Self.tiles(Double(height), of: 768)
    }

    private static func tiles(_ side: Double, of size: Double) -> Int {
        max(1, Int((side / size).rounded(.up)))
    }
}
