// What is held of requests and answers, and what becomes of those that there is no room for.

import Testing

@testable import Gateway

@Suite("Memory") struct MemoryTests {
    static let body =
        #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#
    static let streamBody =
        #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#

    /// A driver with this budget.
    static func driver(_ budget: String) throws -> SessionDriver {
        try SessionDriver([
            ("OPENROUTER_API_KEY", "k"), ("CLAUDE_PROXY_MEMORY_BUDGET", budget),
        ])
    }

    static func head(length: Int, path: String = "/v1/messages", fields: String = "") -> String {
        """
        POST \(path) HTTP/1.1\r
        Host: localhost\r
        Content-Type: application/json\r
        \(fields)Content-Length: \(length)\r
        \r

        """
    }

    static func held(_ driver: SessionDriver) -> Int { driver.state.holdMemory(0, 0) ?? -1 }

    // MARK: Sessions

    @Test func whatDoesNotFitIs529BeforeItsBodyIsRead() throws {
        let first = try Self.driver("64MiB")
        first.receive(Self.head(length: 20 << 20))
        #expect(first.output.isEmpty && Self.held(first) >= 40 << 20)
        for path in ["/v1/messages", "/v1/messages/count_tokens"] {
            var second = ClientSession(
                first.state, peer: Peer(isLocal: true, name: ""), isAdmitted: true, at: first.now)
            var output: [UInt8] = []
            let head = [UInt8](Self.head(length: 10 << 20, path: path).utf8)
            second.received(head.span, at: first.now, into: &output)
            let text = String(decoding: output, as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 529 ") && text.contains("overloaded_error"))
            #expect(text.contains("\r\nretry-after: 2\r\n") && text.contains("Connection: close"))
            second.connectionEnded()
        }
        first.clientLeaves()
        first.session.connectionEnded()
        #expect(Self.held(first) == 0)
    }

    @Test func smallRequestsFindRoomBesideLargeOnes() throws {
        let large = try Self.driver("64MiB")
        large.receive(Self.head(length: 23 << 20))
        var small = ClientSession(
            large.state, peer: Peer(isLocal: true, name: ""), isAdmitted: true, at: large.now)
        var output: [UInt8] = []
        small.received(
            [UInt8](Self.head(length: 1 << 20).utf8).span, at: large.now, into: &output)
        #expect(output.isEmpty && Self.held(large) > 48 << 20)
    }

    @Test func whatCouldNeverFitIs413() throws {
        let driver = try Self.driver("16MiB")
        driver.receive(Self.head(length: 8 << 20))
        #expect(driver.text.hasPrefix("HTTP/1.1 413 "))
        #expect(driver.text.contains("CLAUDE_PROXY_MEMORY_BUDGET"))
    }

    @Test func chunksAreCountedAsTheyCome() throws {
        let driver = try Self.driver("4MiB")
        driver.receive(
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n")
        let piece = [UInt8](repeating: 0x20, count: 64 << 10)
        var sent = 0
        while driver.output.isEmpty, sent < 8 << 20 {
            driver.receive([UInt8]("10000\r\n".utf8) + piece + [13, 10])
            sent += piece.count
            #expect(Self.held(driver) <= 4 << 20)
        }
        #expect(driver.text.hasPrefix("HTTP/1.1 529 ") && driver.isClosed)
        #expect(sent > 1 << 20 && sent < 3 << 20)
        driver.session.connectionEnded()
        #expect(Self.held(driver) == 0)
    }

    @Test func whatIsInflatedIsCounted() throws {
        let driver = try Self.driver("4MiB")
        driver.inflatesAtOnce = false
        driver.receive(Self.head(length: 9, fields: "Content-Encoding: gzip\r\n") + "123456789")
        #expect(driver.actions == ["inflate"])
        var inflated = 0
        while driver.session.bodyInflating(to: inflated, at: driver.now, into: &driver.output) {
            inflated += 64 << 10
            #expect(inflated < 4 << 20 && Self.held(driver) <= 4 << 20)
        }
        #expect(driver.text.hasPrefix("HTTP/1.1 529 ") && inflated > 1 << 20)
        #expect(Self.held(driver) == 0)
    }

    /// Everybody may ask for /health, so what comes with the question is not kept.
    @Test func aBodyThatNobodyWantsIsNotKept() throws {
        let driver = try SessionDriver(peer: Peer(isLocal: false, name: "192.0.2.1"))
        driver.receive("GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        for _ in 0..<100 {
            driver.receive([UInt8](repeating: 0x20, count: 10_000))
            #expect(driver.heldBytes == 0 && Self.held(driver) == 0)
        }
        #expect(driver.text.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func aClientThatLeavesWhileItsBodyIsInflatedHasARecord() throws {
        let driver = try SessionDriver()
        driver.inflatesAtOnce = false
        driver.receive(Self.head(length: 3, fields: "Content-Encoding: gzip\r\n") + "123")
        driver.clientLeaves()
        #expect(driver.records.map(\.outcome) == [.cancelled])
        let goesOn = driver.session.bodyInflating(to: 9, at: driver.now, into: &driver.output)
        #expect(!goesOn)
    }

    @Test(arguments: [true, false])
    func anAnswerThatIsTooMuchEndsAsAnError(_ isStreaming: Bool) throws {
        let driver = try Self.driver("2MiB")
        driver.readsAtOnce = false
        driver.post("/v1/messages", isStreaming ? Self.streamBody : Self.body)
        driver.respond()
        let piece = Chunk.text(String(repeating: "a", count: 10_000))
        for _ in 0..<1000 where driver.actions == ["start"] { driver.upstream(piece) }
        #expect(driver.actions == ["start", "cancel"])
        #expect(driver.text.contains("overloaded_error"))
        #expect(isStreaming == driver.text.contains("event: error"))
        #expect(isStreaming || driver.text.hasPrefix("HTTP/1.1 529 "))
        #expect(driver.records.last?.outcome == (isStreaming ? .interrupted : .failed))
        // The connection goes on, and nothing is held for it.
        driver.takeOutput()
        #expect(Self.held(driver) == 0)
        driver.post("/v1/messages", Self.body)
        #expect(driver.actions == ["start", "cancel", "start"])
    }

    @Test func everyEndGivesBack() throws {
        let driver = try SessionDriver()
        let ends: [(SessionDriver) -> Void] = [
            { $0.upstream(Chunk.text("a") + Chunk.end()) },
            { $0.upstreamEnds(TransferFailure(.certificate, detail: "")) },
            { $0.upstream("data: {\"error\":{\"code\":400,\"message\":\"no\"}}\n\n") },
            { $0.wait(.seconds(301)) },
        ]
        for end in ends {
            driver.post("/v1/messages", Self.body)
            #expect(Self.held(driver) > 0)
            driver.respond()
            end(driver)
            #expect(Self.held(driver) == 0)
        }
        driver.post("/v1/messages/count_tokens", Self.body)
        driver.post("/v1/messages", "{")
        driver.post("/v1/messages", "")
        #expect(Self.held(driver) == 0)
        driver.receive(Self.head(length: 1000) + "{")
        #expect(Self.held(driver) > 0)
        driver.clientLeaves()
        driver.session.connectionEnded()
        #expect(Self.held(driver) == 0)
    }

    @Test func outputThatWaitsIsCounted() throws {
        let driver = try SessionDriver()
        driver.readsAtOnce = false
        driver.post("/v1/messages", Self.body)
        driver.respond()
        for _ in 0..<100 {
            driver.upstream(Chunk.text(String(repeating: "a", count: 10_000)))
        }
        driver.upstream(Chunk.end())
        #expect(driver.output.count > 1_000_000)
        #expect(Self.held(driver) >= driver.output.count)
        driver.takeOutput()
        #expect(Self.held(driver) == 0)
    }

    /// The shell's output begins with bytes that have left, which nobody holds back any more.
    @Test func outputThatHasLeftIsNotCounted() throws {
        let driver = try SessionDriver()
        driver.readsAtOnce = false
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        for _ in 0..<10 {
            driver.upstream(Chunk.text(String(repeating: "a", count: 10_000)))
        }
        driver.upstream(Chunk.end())
        #expect(driver.output.count > 100_000 && driver.session.awaitsOutput)
        driver.session.outputDrained(at: driver.now, into: &driver.output)
        #expect(Self.held(driver) == 0 && !driver.session.awaitsOutput)
    }

    /// A body whose memory is reserved keeps it whatever leaves meanwhile.
    @Test func outputThatLeavesTakesNothingFromARequestThatComes() throws {
        let driver = try SessionDriver()
        driver.receive(Self.head(length: 1 << 20, fields: "Expect: 100-continue\r\n"))
        #expect(driver.text.hasPrefix("HTTP/1.1 100 ") && !driver.session.awaitsOutput)
        driver.takeOutput()
        #expect(Self.held(driver) >= 2 << 20)
    }

    @Test func tenThousandSmallRequestsFitTheShippedUnit() {
        // MemoryHigh=768M gives half of that.
        let budget = MemoryBudget.bytes(ofLimit: 768 << 20, machine: 64 << 30)
        var account = MemoryAccount()
        let isGranted = account.settle(at: Limits.requestMemoryBase + 2000) { change, _ in change }
        #expect(isGranted && account.granted * Configuration().requestsMax < budget)
    }

    // MARK: The budget

    @Test func theBudgetFollowsFromTheLimitsOfTheMachine() {
        #expect(MemoryBudget.bytes(ofLimit: 768 << 20, machine: 64 << 30) == 384 << 20)
        #expect(MemoryBudget.bytes(ofLimit: nil, machine: 8 << 30) == 2 << 30)
        #expect(MemoryBudget.bytes(ofLimit: 16 << 30, machine: 2 << 30) == 512 << 20)
        #expect(MemoryBudget.bytes(ofLimit: 1 << 20, machine: 8 << 30) == Limits.memoryBudgetMin)
        let unit = MemoryBudget(bytes: 384 << 20)
        #expect(unit.couldHold(2 * Configuration().bodyBytesMax + Limits.requestMemoryBase))
    }

    @Test func theLimitIsTheSmallestOfAllGroups() {
        #expect(
            CgroupMemory.files(forGroups: "0::/system.slice/x.service\n") == [
                "/sys/fs/cgroup/system.slice/x.service/memory.high",
                "/sys/fs/cgroup/system.slice/x.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.high",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.high", "/sys/fs/cgroup/memory.max",
                "/sys/fs/cgroup/unified/system.slice/x.service/memory.high",
                "/sys/fs/cgroup/unified/system.slice/x.service/memory.max",
                "/sys/fs/cgroup/unified/system.slice/memory.high",
                "/sys/fs/cgroup/unified/system.slice/memory.max",
                "/sys/fs/cgroup/unified/memory.high", "/sys/fs/cgroup/unified/memory.max",
            ])
        #expect(
            CgroupMemory.files(forGroups: "9:cpu,memory:/a\n1:name=systemd:/a\n") == [
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ])
        #expect(
            CgroupMemory.files(forGroups: "3:memory:/../other") == [
                "/sys/fs/cgroup/memory/memory.limit_in_bytes"
            ])
        #expect(CgroupMemory.files(forGroups: "nonsense\n::\n").isEmpty)
        #expect(CgroupMemory.limit(in: ["max\n", "1073741824\n", "805306368\n"]) == 805_306_368)
        #expect(CgroupMemory.limit(in: ["max\n", "9223372036854771712\n", "", "x", "-1"]) == nil)
    }
}
