// Where libFuzzer comes in: one binary for all targets, chosen by FUZZ_TARGET. `make fuzz` builds it
// with coverage and AddressSanitizer and runs each for a while.
//
// A target reads the input in the product and holds what comes of it against a rule: a plainer reader
// of our own, the same bytes in other pieces, a round trip. "It did not crash" is the least of them.

import Glibc
import TestSupport

/// What is fuzzed.
enum FuzzTarget: String, CaseIterable {
    case http, json, sse, stream, responses, relay, request, configuration

    func run(_ bytes: [UInt8]) {
        switch self {
        case .http: HTTPFuzz.run(bytes)
        case .json: JSONFuzz.run(bytes)
        case .sse: SSEFuzz.run(bytes)
        case .stream: StreamFuzz.run(bytes)
        case .responses: StreamFuzz.run(bytes, speaksResponses: true)
        case .relay: RelayFuzz.run(bytes)
        case .request: RequestFuzz.run(bytes)
        case .configuration: ConfigurationFuzz.run(bytes)
        }
    }

    static let chosen: FuzzTarget = {
        // SAFETY: nothing changes the environment.
        let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            fatalError("FUZZ_TARGET is one of \(allCases.map(\.rawValue))")
        }
        return target
    }()
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // SAFETY: libFuzzer lends `count` bytes for the call.
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
    FuzzTarget.chosen.run(bytes)
    return 0
}

// SwiftPM calls the entry of an executable NAME_main and binds `main` to it, so that libFuzzer's own
// `main` is not found: this one does the same.
@_cdecl("fuzz_main")
public func fuzzMain(
    _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe runDriver(&count, &arguments, fuzzOneInput)
}

/// libFuzzer's driver as a library has it (llvm.org/docs/LibFuzzer.html). Takes words only, for
/// which the two calling conventions are one.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Fails unless the rule holds.
func expect(_ holds: Bool, _ rule: @autoclosure () -> String) {
    if !holds { fatalError(rule()) }
}

extension [UInt8] {
    /// A random source that depends on nothing but these bytes, so that an input is a test.
    var random: SplitMix64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in self { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return SplitMix64(seed: hash)
    }

    /// The body, where this is one of the files of Tests/Scenarios, which serve as a corpus: they
    /// begin with the head of a message.
    var withoutHead: [UInt8] {
        guard starts(with: "POST ".utf8) || starts(with: "HTTP ".utf8),
            let end = firstRange(of: [10, 10])
        else { return self }
        return Array(self[end.upperBound...])
    }

    /// These bytes in three ways: whole, one by one, and in pieces of some size.
    var splittings: [[[UInt8]]] {
        var random = self.random
        var pieces: [[UInt8]] = []
        var rest = self[...]
        while !rest.isEmpty {
            let piece = rest.prefix(1 + random.below(Swift.min(rest.count, 64)))
            pieces.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        return [[self], count <= 4096 ? map { [$0] } : [self], pieces]
    }
}
