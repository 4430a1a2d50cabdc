// The tokenizer on the command line, for what a unit test cannot say: its speed, and its tokens
// beside those of other implementations (Tests/TokenTool/compare.py).
//
//   token-tool speed FILE…     megabytes a second and nanoseconds a byte, the best of several runs
//   token-tool once FILE       counts one time: for instruction counts
//   token-tool tokens FILE     the file holds texts, each ended by a zero byte; a line of ranks each
//   token-tool vocabulary      the vocabulary as tiktoken's files have it, a `base64 rank` a line

import CVocabulary
import Glibc
import Tokenizer

func contents(of path: String) -> [UInt8] {
    // SAFETY: the path is copied for the call.
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { fail("\(path): cannot be read") }
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

func fail(_ message: String) -> Never {
    print(message)
    exit(1)
}

func nanoseconds() -> Int {
    var time = timespec()
    // SAFETY: the clock exists, and the call writes one timespec.
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

func measureSpeed(of path: String) {
    let text = contents(of: path)
    var counter = TokenCounter()
    var tokens = 0
    var best = Int.max
    for _ in 0..<7 {
        let start = nanoseconds()
        tokens = counter.count(text.span)
        best = min(best, nanoseconds() - start)
    }
    let perByte = Double(best) / Double(max(1, text.count))
    let rate = Double(Int(10_000 / perByte)) / 10
    print("\(path): \(text.count) bytes, \(tokens) tokens, \(rate) MB/s, \(perByte) ns/byte")
}

func printTokens(of path: String) {
    var counter = TokenCounter()
    for text in contents(of: path).split(separator: 0, omittingEmptySubsequences: false) {
        let bytes = Array(text)
        let tokens = counter.encode(bytes.span)
        precondition(counter.count(bytes.span) == tokens.count, "both ways count the same")
        print(tokens.map { "\($0)" }.joined(separator: " "))
    }
}

func printVocabulary() {
    var tokens = [[UInt8]](repeating: [], count: Int(CVOCABULARY_TOKENS))
    for index in 0..<Int(CVOCABULARY_SLOTS) {
        // SAFETY: the table has this number of slots.
        let slot = unsafe cvocabulary_slots()[index]
        let length = Int(slot >> 18 & 0xFF)
        if length == 0 { continue }
        let offset = Int(slot >> 26 & 0x1F_FFFF)
        // SAFETY: the offsets and lengths of the slots lie within the pool.
        tokens[Int(slot & 0x3FFFF)] = unsafe Array(
            UnsafeBufferPointer(start: cvocabulary_pool() + offset, count: length))
    }
    for (rank, token) in tokens.enumerated() { print("\(base64(token)) \(rank)") }
}

func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        var word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        var quartet: [UInt8] = []
        for _ in 0..<4 {
            quartet.append(digits[word & 63])
            word >>= 6
        }
        // The last digits of a short group stand for no byte.
        for missing in 0..<3 - group.count { quartet[missing] = UInt8(ascii: "=") }
        text += quartet.reversed()
    }
    return String(decoding: text, as: UTF8.self)
}

let arguments = Array(CommandLine.arguments.dropFirst())
switch (arguments.first, arguments.dropFirst().first) {
case ("speed", .some): for path in arguments.dropFirst() { measureSpeed(of: path) }
case ("once", let path?):
    var counter = TokenCounter()
    print(counter.count(contents(of: path).span))
case ("tokens", let path?): printTokens(of: path)
case ("vocabulary", nil): printVocabulary()
default: fail("usage: token-tool speed FILE… | once FILE | tokens FILE | vocabulary")
}
