// A scenario folder, and how it is played.

import Glibc
import TestSupport
import Testing

@testable import Gateway

/// One folder of Tests/Scenarios.
struct Scenario: CustomTestStringConvertible, Sendable {
    let name: String
    private let request: String
    private let answers: [String]
    private let settings: [(key: String, value: String)]

    var testDescription: String { name }

    /// How often the upstream is asked.
    var callsExpected: Int { answers.count }

    var longestAnswer: Int { answers.map(\.utf8.count).max() ?? 0 }

    func file(_ file: String) -> GoldenFile { GoldenFile(path: "Tests/Scenarios/\(name)/\(file)") }

    static func all() throws -> [Scenario] {
        try names().map { try Scenario($0) }
    }

    private init(_ name: String) throws {
        self.name = name
        func read(_ file: String) -> String? {
            try? GoldenFile(path: "Tests/Scenarios/\(name)/\(file)").read()
        }
        request = try GoldenFile(path: "Tests/Scenarios/\(name)/client.request").read()
        var answers: [String] = []
        while let answer = read(
            answers.isEmpty ? "upstream.response" : "upstream.response.\(answers.count + 1)")
        {
            answers.append(answer)
        }
        self.answers = answers
        let file = EnvironmentFile(parsing: [UInt8]((read("config.env") ?? "").utf8))
        settings =
            [("OPENROUTER_API_KEY", "sk-or-secret")] + file.entries.map { ($0.key, $0.value) }
    }

    private static func names() throws -> [String] {
        let root = GoldenFile(path: "Tests/Scenarios").absolutePath
        guard let directory = unsafe opendir(root) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            // SAFETY: d_name is a terminated string of at most 256 bytes.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            // Neither hidden files nor the README.
            if !name.contains(".") { names.append(name) }
        }
        return names.sorted()
    }

    // MARK: Playing it

    /// Plays the scenario; `split` says in which pieces bytes come.
    func run(
        _ split: ([UInt8]) -> [[UInt8]]
    ) throws -> (calls: [UpstreamCall], output: [UInt8]) {
        let driver = try SessionDriver(settings)
        for piece in split(Self.wireForm(request)) { driver.receive(piece) }
        for (index, answer) in answers.enumerated() {
            // An answer too many shows as a call too few.
            guard driver.calls.count == index + 1 else { break }
            play(answer, driver, split)
        }
        return (driver.calls, driver.output)
    }

    private func play(_ answer: String, _ driver: SessionDriver, _ split: ([UInt8]) -> [[UInt8]]) {
        let end = answer.firstRange(of: "\n\n")
        let lines = answer[..<(end?.lowerBound ?? answer.endIndex)].split(separator: "\n")
        let words = lines[0].split(separator: " ")
        if words[0] == "failure" { return driver.upstreamEnds(Self.failure(words[1])) }
        var head = UpstreamHead()
        head.status = Int(words[1]) ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            let value = [UInt8](parts[1].drop { $0 == " " }.utf8)
            switch parts[0].lowercased() {
            case "content-type": head.contentType = value
            case "retry-after": head.retryAfter = value
            case "x-generation-id": head.generationID = value
            default: break
            }
        }
        let calls = driver.calls.count
        driver.respond(head)
        // `<cut>` stands for the connection's early end.
        var body = end.map { [UInt8](answer[$0.upperBound...].utf8) } ?? []
        let cut = [UInt8]("<cut>\n".utf8)
        let isCut = body.suffix(cut.count).elementsEqual(cut)
        if isCut { body.removeLast(cut.count) }
        for piece in split(body) where driver.calls.count == calls { driver.upstream(piece) }
        guard driver.calls.count == calls else { return }
        driver.upstreamEnds(isCut ? TransferFailure(.brokenAnswer, detail: "reset") : nil)
    }

    private static func failure(_ word: Substring) -> TransferFailure {
        switch word {
        case "resolve": TransferFailure(.resolve, detail: "no such host")
        case "certificate": TransferFailure(.certificate, detail: "certificate has expired")
        case "timeout": TransferFailure(.connectTimeout, detail: "timed out")
        default: TransferFailure(.connect, detail: "connection refused")
        }
    }

    /// The request as it goes over the wire.
    private static func wireForm(_ request: String) -> [UInt8] {
        guard let end = request.firstRange(of: "\n\n") else { return [UInt8](request.utf8) }
        let body = request[end.upperBound...].drop { $0 == "\n" }
        let trimmed = body.hasSuffix("\n") ? body.dropLast() : body
        let head = request[..<end.lowerBound].split(separator: "\n").joined(separator: "\r\n")
        return [UInt8](
            "\(head)\r\nHost: localhost\r\nContent-Length: \(trimmed.utf8.count)\r\n\r\n\(trimmed)"
                .utf8)
    }
}
