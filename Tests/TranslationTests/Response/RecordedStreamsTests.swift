// Recorded upstream bytes, where a folder of them is at hand: `RECORDED_STREAMS=folder swift test`.
// They are nobody's to redistribute, so the repository has none. Each must come out legal, and with
// the text, the arguments and the usage that a naive reading finds in it.

import Glibc
import Testing

@testable import Translation

@Suite struct RecordedStreamsTests {
    static var folder: String? {
        let name = unsafe getenv("RECORDED_STREAMS").map { unsafe String(cString: $0) }
        return name.flatMap { $0.isEmpty ? nil : $0 }
    }

    static var names: [String] { names(in: folder) }

    static func names(in folder: String?, ending: String = ".sse") -> [String] {
        // SAFETY: the directory is closed before its entries are used; names are copied.
        guard let folder, let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name.hasSuffix(ending) { names.append(name) }
        }
        return names.sorted()
    }

    static func bytes(_ name: String, in folder: String? = folder) -> [UInt8] {
        guard let folder, let file = unsafe fopen("\(folder)/\(name)", "r") else { return [] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// What a naive reader finds: text, arguments by call, and the last usage.
    struct Found {
        var text = ""
        var arguments: [String: String] = [:]
        var usage: JSONValue?
    }

    static func read(_ bytes: [UInt8]) -> Found {
        var found = Found()
        var lastKey: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            guard line.hasPrefix("data: "), let chunk = JSONValue(String(line.dropFirst(6))) else {
                continue
            }
            if case .object = chunk["usage"] { found.usage = chunk["usage"] }
            guard let delta = chunk["choices"]?[0]?["delta"] else { continue }
            found.text += delta["content"]?.string ?? ""
            for part in delta["content"]?.array ?? [] { found.text += part["text"]?.string ?? "" }
            for call in delta["tool_calls"]?.array ?? [] {
                let index = String(call["index"]?.int ?? -1)
                if let id = call["id"]?.string, !id.isEmpty { lastKey[index] = id }
                let key = lastKey[index] ?? index
                found.arguments[key, default: ""] += call["function"]?["arguments"]?.string ?? ""
            }
        }
        return found
    }

    @Test(.enabled(if: folder != nil), arguments: names)
    func comesOutAsItWentIn(_ name: String) {
        let bytes = Self.bytes(name)
        let model = check(bytes, everySplit: false)
        let translated = Translated(bytes, streaming: true)
        let found = Self.read(bytes)
        var line = "\(name): \(translated.progress), \(translated.summary.blocks) blocks"
        let texts = model.content.compactMap { $0["text"]?.string }.joined()
        if model.isFinished, !name.hasPrefix("synthetic-") {
            #expect(texts == found.text)
            let inputs = model.content.compactMap { $0["input"] }
            let expected = found.arguments.values.compactMap { JSONValue($0.isEmpty ? "{}" : $0) }
            #expect(inputs.count == expected.count)
            for input in inputs { #expect(expected.contains(input)) }
            let usage = translated.summary.usage
            let prompt = found.usage?["prompt_tokens"]?.int
            #expect(prompt == nil || usage.prompt == prompt)
            let reasoned = found.usage?["completion_tokens_details"]?["reasoning_tokens"]?.int ?? 0
            let completion = found.usage?["completion_tokens"]?.int
            #expect(
                completion == nil || usage.output == completion
                    || usage.output == (completion ?? 0) + reasoned)
        }
        if let stop = translated.summary.stopReason { line += ", \(stop.word)" }
        line += ", in \(translated.summary.usage.input) out \(translated.summary.usage.output)"
        line += " [" + model.content.map { $0["type"]?.string ?? "?" }.joined(separator: " ") + "]"
        print(line)
    }
}
