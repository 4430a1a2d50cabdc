// What texts have been counted to, so that a conversation that grows is counted only where it is new.
// Keyed by a hash of the text's bytes: 64 bits, of which nobody outside knows the seed. Two texts of
// one hash would have one count; that is all that could go wrong. The seed is another one for every
// client, so that nobody can find out by the time of a count what others have sent.

/// Counts by hash, bounded, the recently used ones.
struct CountMemo {
    /// In two generations: what is found moves to the younger; when that is full the older is
    /// forgotten. 2 × 8192 entries of about 40 bytes are at most 0.7 MB a loop.
    private static let generationMax = 8192

    private var young: [UInt64: UInt32] = [:]
    private var old: [UInt64: UInt32] = [:]

    var entries: Int { young.count + old.count }

    mutating func count(of hash: UInt64) -> Int? {
        if let count = young[hash] { return Int(count) }
        guard let count = old[hash] else { return nil }
        insert(Int(count), for: hash)
        return Int(count)
    }

    mutating func insert(_ count: Int, for hash: UInt64) {
        if young.count >= Self.generationMax {
            old = young
            young.removeAll(keepingCapacity: false)
        }
        young[hash] = UInt32(clamping: count)
    }
}

/// A hash of a text, made in steps: multiply and fold, eight bytes at a time (as wyhash does).
struct TextHash: Sendable {
    private var state: UInt64

    private static let factor: UInt64 = 0xD6E8_FEB8_6659_FD93

    /// - Parameter kind: tells apart what is the same text and yet counted differently.
    init(seed: UInt64, kind: UInt64) { state = seed ^ kind &* 0x9E37_79B9_7F4A_7C15 }

    /// Takes in the bytes of `range`. Steps must be the same for the same text.
    mutating func add(_ text: Span<UInt8>, _ range: Range<Int>) {
        let bytes = unsafe text.extracting(range).bytes
        var state = state ^ UInt64(range.count)
        var offset = 0
        while offset &+ 8 <= range.count {
            // SAFETY: the read is within the span; every bit pattern is a UInt64.
            let word = unsafe bytes.unsafeLoadUnaligned(
                fromByteOffset: offset, as: UInt64.self)
            state = Self.fold(state ^ word)
            offset &+= 8
        }
        var last: UInt64 = 0
        while offset < range.count {
            last = last << 8 | UInt64(text[range.lowerBound &+ offset])
            offset &+= 1
        }
        self.state = Self.fold(state ^ last)
    }

    var value: UInt64 { Self.fold(state) }

    private static func fold(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: factor)
        // Adding the word keeps a zero product from forgetting everything before it.
        return product.high ^ product.low &+ word.byteSwapped
    }
}

extension TextHash {
    /// A number that stands for whoever shows these credentials.
    static func owner(_ credentials: [[UInt8]], seed: UInt64) -> UInt64 {
        var hash = TextHash(seed: seed, kind: 3)
        for credential in credentials { hash.add(credential.span, 0..<credential.count) }
        return hash.value
    }
}
