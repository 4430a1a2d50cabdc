// What the tests share: the committed vectors, the bytes of tokens, and a seeded generator.

import CVocabulary
import Glibc

/// A text and its tokens as tiktoken makes them.
struct Vector {
    let text: [UInt8]
    let tokens: [Int]

    /// All vectors of vectors.txt, whose head describes the format.
    static let all: [Vector] = {
        var lines = contents(besides: #filePath, name: "vectors.txt")
            .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        while lines.first?.first == UInt8(ascii: "#") { lines.removeFirst() }
        var vectors: [Vector] = []
        while lines.count >= 2 {
            let text = unescaped(lines.removeFirst().dropFirst().dropLast())
            let numbers = lines.removeFirst().split(separator: UInt8(ascii: " "))
            let tokens = numbers.map { number in
                number.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            }
            vectors.append(Vector(text: text, tokens: tokens))
        }
        return vectors
    }()

    private static func contents(besides path: String, name: String) -> [UInt8] {
        let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        // SAFETY: the path is copied for the call.
        let descriptor = unsafe open("\(folder)/\(name)", O_RDONLY)
        precondition(descriptor >= 0, "\(name) stands beside the tests")
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // SAFETY: `read` writes at most `chunk.count` bytes.
            let count = unsafe read(descriptor, &chunk, chunk.count)
            if count <= 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    private static func unescaped(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = line
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "\\") {
                bytes.append(byte)
            } else if rest.popFirst() == UInt8(ascii: "u") {
                let end = rest.firstIndex(of: UInt8(ascii: "}")) ?? rest.endIndex
                let digits = String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self)
                let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) ?? "?"
                bytes += Array(String(Character(scalar)).utf8)
                rest = rest[(end + 1)...]
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}

/// The bytes of all tokens by rank, read from the slots of the table.
let tokenBytes: [[UInt8]] = {
    var tokens = [[UInt8]](repeating: [], count: Int(CVOCABULARY_TOKENS))
    for index in 0..<Int(CVOCABULARY_SLOTS) {
        // SAFETY: the table has this number of slots.
        let slot = unsafe cvocabulary_slots()[index]
        let length = Int(slot >> 18 & 0xFF)
        if length == 0 { continue }
        let offset = Int(slot >> 26 & 0x1F_FFFF)
        precondition(offset + length <= CVOCABULARY_POOL_BYTES - 8, "a token outside the pool")
        // SAFETY: just checked.
        tokens[Int(slot & 0x3FFFF)] = unsafe Array(
            UnsafeBufferPointer(start: cvocabulary_pool() + offset, count: length))
    }
    return tokens
}()
