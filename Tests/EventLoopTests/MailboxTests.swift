// Messages and signals: what reaches a loop from outside its thread.
import EventLoop
import Glibc
import Testing

@Suite struct MailboxTests {
    @Test func `messages from four threads all arrive, each sender's in its order`() throws {
        let loop = try Loop()
        let mailbox = try Mailbox<(sender: Int, number: Int)>()
        var numbers = [[Int]](repeating: [], count: 4)
        try mailbox.attach(to: loop) { numbers[$0.sender].append($0.number) }
        let threads = try (0..<4).map { sender in
            try Thread(named: "sender \(sender)") {
                for number in 0..<5000 { mailbox.send((sender, number)) }
            }
        }
        #expect(turn(loop) { numbers.allSatisfy { $0.count >= 5000 } })
        for thread in threads { thread.join() }
        loop.turn(waitingAtMost: .zero)
        #expect(numbers.allSatisfy { $0 == Array(0..<5000) })
    }

    @Test func `messages sent before the mailbox is attached wait`() throws {
        let loop = try Loop()
        let mailbox = try Mailbox<String>()
        mailbox.send("early")
        var received: [String] = []
        try mailbox.attach(to: loop) { received.append($0) }
        #expect(turn(loop) { !received.isEmpty })
        #expect(received == ["early"])
    }

    @Test func `a message sent by the receiver is delivered too`() throws {
        let loop = try Loop()
        let mailbox = try Mailbox<Int>()
        var received: [Int] = []
        try mailbox.attach(to: loop) { message in
            received.append(message)
            if message < 100 { mailbox.send(message + 1) }
        }
        mailbox.send(0)
        #expect(turn(loop) { received.last == 100 })
        #expect(received == Array(0...100))
    }

    @Test func `a message wakes a sleeping loop and can stop it`() throws {
        let mailbox = try Mailbox<Void>()
        let isReady = try Mailbox<Bool>()
        let thread = try Thread(named: "sleeping loop") {
            do {
                let loop = try Loop()
                try mailbox.attach(to: loop) { loop.stop() }
                isReady.send(true)
                loop.run()
                isReady.send(false)
            } catch {
                Issue.record("\(error)")
            }
        }
        let loop = try Loop()
        var states: [Bool] = []
        try isReady.attach(to: loop) { states.append($0) }
        #expect(turn(loop) { states == [true] })
        mailbox.send(())
        #expect(turn(loop) { states == [true, false] })
        thread.join()
    }

    @Test func `signals arrive as events with their number`() async {
        // In a process of its own: the mask of a thread that runs other tests stays as it is.
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            var received: [Int32] = []
            let source = try SignalSource([SIGTERM, SIGHUP, SIGUSR1], on: loop) {
                received.append($0)
            }
            for signal in [SIGHUP, SIGTERM, SIGUSR1] { pthread_kill(pthread_self(), signal) }
            let allCame = turn(loop) { received.count == 3 }
            #expect(allCame)
            #expect(Set(received) == [SIGHUP, SIGTERM, SIGUSR1])
            withExtendedLifetime(source) {}
        }
    }

    @Test func `a broken pipe ends no process that ignores it`() async {
        await #expect(processExitsWith: .success) {
            SignalSource.ignoreBrokenPipes()
            let pair = try SocketPair()
            pair.closeEnd(pair.second)
            var byte: UInt8 = 0
            // SAFETY: one byte of a local value.
            let result = unsafe write(pair.first, &byte, 1)
            #expect(result == -1 && errno == EPIPE)
        }
    }
}
