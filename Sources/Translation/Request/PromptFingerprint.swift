// What a prompt is, in a few bytes: by it the next turn of a session shows whether it begins as the
// last one did, which is what prompt caches go by. Hashes of pieces, never text: it outlives the
// request.
//
// Only what the model reads counts. Breakpoints move from turn to turn, and so does the form of a
// message with one text (a string, or a list with one part); both are left out.

/// The hashes of a translated prompt.
package struct PromptFingerprint: Sendable, Equatable {
    /// Who says a message.
    package enum Role: String, Sendable { case system, user, assistant, tool }

    /// A message of the upstream's body.
    package struct Message: Sendable, Equatable {
        package var role: Role
        /// Where its hashes begin among all.
        var firstPiece: Int
    }

    /// The hash of the tools; those come before everything else in a prompt.
    package var tools: UInt64 = 0
    package private(set) var messages: [Message] = []
    /// A hash for every KiB of every message.
    private(set) var pieces: [UInt64] = []
    /// Whether the prompt was longer than what is kept.
    private(set) var isTruncated = false

    package static let pieceBytes = 1024
    /// Four megabytes of a prompt; what comes after is not looked at.
    static let piecesMax = 4096
    static let messagesMax = 4096

    package init() {}

    /// Adds a message.
    ///
    /// - Parameters:
    ///   - range: of the message in `body`.
    ///   - immaterial: what is left out of it, in order, within `range`.
    mutating func add(
        _ role: Role, _ body: Span<UInt8>, _ range: Range<Int>, without immaterial: [Range<Int>]
    ) {
        guard !isTruncated, messages.count < Self.messagesMax,
            pieces.count + range.count / Self.pieceBytes + 1 <= Self.piecesMax
        else {
            isTruncated = true
            return
        }
        messages.append(Message(role: role, firstPiece: pieces.count))
        var hasher = PieceHasher(pieceBytes: Self.pieceBytes)
        var start = range.lowerBound
        for gap in immaterial {
            hasher.add(body.extracting(start..<gap.lowerBound), to: &pieces)
            start = gap.upperBound
        }
        hasher.add(body.extracting(start..<range.upperBound), to: &pieces)
        hasher.finish(into: &pieces)
    }

    /// The hash of `range`, in one.
    static func hash(
        _ body: Span<UInt8>, _ range: Range<Int>, without immaterial: [Range<Int>]
    ) -> UInt64 {
        var hashes: [UInt64] = []
        var hasher = PieceHasher(pieceBytes: .max)
        var start = range.lowerBound
        for gap in immaterial {
            hasher.add(body.extracting(start..<gap.lowerBound), to: &hashes)
            start = gap.upperBound
        }
        hasher.add(body.extracting(start..<range.upperBound), to: &hashes)
        hasher.finish(into: &hashes)
        return hashes.first ?? 0
    }

    private func pieces(of index: Int) -> Range<Int> {
        let end = index + 1 < messages.count ? messages[index + 1].firstPiece : pieces.count
        return messages[index].firstPiece..<end
    }

    /// Whether message `index` is the same in both.
    package func isEqual(_ index: Int, to other: PromptFingerprint) -> Bool {
        guard index < messages.count, index < other.messages.count else { return false }
        return messages[index].role == other.messages[index].role
            && pieces[pieces(of: index)] == other.pieces[other.pieces(of: index)]
    }

    /// The index of the first message that is the user's.
    package var firstUser: Int? { messages.firstIndex { $0.role == .user } }
}

// MARK: - Divergence

/// Where a prompt stops being what it was.
package enum PromptDivergence: Sendable, Equatable {
    case tools
    /// In a message of the upstream's body, somewhere in the KiB that begins at `offset`.
    case message(index: Int, role: PromptFingerprint.Role, offset: Int)
}

extension PromptDivergence: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tools: return "tools"
        case .message(let index, let role, let offset):
            let end = offset + PromptFingerprint.pieceBytes - 1
            return "messages.\(index) (\(role.rawValue)), its bytes \(offset) to \(end)"
        }
    }
}

extension PromptFingerprint {
    /// Where this prompt leaves the way of the one before it; nil when it goes on from there.
    ///
    /// The last message of either may differ: it is new, or was taken back and put differently.
    package func divergence(from last: PromptFingerprint) -> PromptDivergence? {
        if tools != last.tools { return .tools }
        let common = min(messages.count, last.messages.count)
        for index in 0..<max(0, common - 1) where !isEqual(index, to: last) {
            let mine = pieces[pieces(of: index)]
            let theirs = last.pieces[last.pieces(of: index)]
            let same = zip(mine, theirs).prefix { $0 == $1 }.count
            return .message(
                index: index, role: messages[index].role, offset: same * Self.pieceBytes)
        }
        return nil
    }
}

/// Hashes a run of bytes piece by piece, eight bytes at a time, however the run is cut.
///
/// Multiply and rotate (after wyhash's and FxHash's manner): for telling changes, not for secrets.
private struct PieceHasher {
    private let pieceBytes: Int
    private var hash: UInt64 = Self.seed
    private var count = 0
    /// Bytes that do not make a word yet, and how many bits they are.
    private var rest: UInt64 = 0
    private var restBits: UInt64 = 0

    private static let seed: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let factor: UInt64 = 0xFF51_AFD7_ED55_8CCD

    init(pieceBytes: Int) { self.pieceBytes = pieceBytes }

    mutating func add(_ bytes: Span<UInt8>, to hashes: inout [UInt64]) {
        var index = 0
        while index &+ 8 <= bytes.count {
            // As far as this piece goes, or these bytes.
            let words = min(pieceBytes &- count, bytes.count &- index) &>> 3
            mix(bytes, from: index, words: words)
            index &+= words &* 8
            if count == pieceBytes { endPiece(&hashes) }
        }
        while index < bytes.count {
            rest |= UInt64(bytes[index]) &<< restBits
            restBits &+= 8
            index &+= 1
            guard restBits == 64 else { continue }
            hash = Self.mixed(hash, rest)
            count &+= 8
            rest = 0
            restBits = 0
            if count == pieceBytes { endPiece(&hashes) }
        }
    }

    /// Mixes whole words into the hash, each behind the bytes that are left from before.
    private mutating func mix(_ bytes: Span<UInt8>, from start: Int, words: Int) {
        var hash = hash
        if restBits == 0 {
            for word in 0..<words { hash = Self.mixed(hash, Self.word(bytes, start &+ word &* 8)) }
        } else {
            var rest = rest
            let bits = restBits
            for word in 0..<words {
                let word = Self.word(bytes, start &+ word &* 8)
                hash = Self.mixed(hash, rest | word &<< bits)
                rest = word &>> (64 &- bits)
            }
            self.rest = rest
        }
        self.hash = hash
        count &+= words &* 8
    }

    @inline(__always)
    private static func word(_ bytes: Span<UInt8>, _ offset: Int) -> UInt64 {
        // SAFETY: the read is checked against the bounds; every bit pattern is a UInt64.
        unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    @inline(__always)
    private static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* factor
        return product ^ product &>> 32
    }

    private mutating func endPiece(_ hashes: inout [UInt64]) {
        hashes.append(hash)
        hash = Self.seed
        count = 0
    }

    mutating func finish(into hashes: inout [UInt64]) {
        let length = UInt64(truncatingIfNeeded: count) &+ (restBits &>> 3)
        guard length > 0 else { return }
        hashes.append(((hash ^ rest) &* Self.factor) ^ length)
    }
}
