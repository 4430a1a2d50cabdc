// Where records leave. A log's reader may stand still: a full pipe, a terminal that was stopped, a
// journal whose disk hangs. Whoever writes to it then stands still as well, and no flag of standard
// error could prevent that: it may be shared with other processes, whose writes the flag would change
// too. So a thread of its own writes, and everybody else puts records into a bounded queue. What finds
// no room there is dropped, counted, and told once the log flows again.
//
//   a worker ──append──▶ LogQueue ──swap──▶ the log's thread ──▶ standard error, or journald
//
// The lock is held to copy one record, or to swap two queues. The thread is woken only if it sleeps.

import CLinux
import CSystemd
import EventLoop
import Gateway
import Glibc
import Logging
import Synchronization

/// The daemon's log: its level, its form, and the way out. Any thread may use it.
final class LogOutput: Sendable {
    private let shared = Guarded(Shared())
    /// Rung when there is something to do.
    private let bell: Descriptor
    /// Rung when there is nothing left to do, for who has asked.
    private let restBell: Descriptor
    private let levelIndex: Atomic<Int>
    private let formatIndex: Atomic<Int>
    private let hasThread = Atomic(false)

    private struct Shared {
        var queue = LogQueue()
        /// Whether the thread waits for the bell.
        var isAsleep = false
        /// Whether somebody waits for the rest bell.
        var isRestAwaited = false
    }

    /// An output without a thread: records wait until `start` or `flush`.
    init(level: Logger.Level, format: Configuration.LogFormat) throws(SystemError) {
        bell = try Self.makeBell(flags: 0)
        restBell = try Self.makeBell(flags: Int32(EFD_NONBLOCK))
        levelIndex = Atomic(Self.index(level))
        formatIndex = Atomic(Self.index(format))
    }

    /// Starts the thread. To be called once, when signals are blocked: the thread must take none.
    func start() throws(SystemError) {
        _ = try Thread(named: "log") { [self] in writeForEver() }
        hasThread.store(true, ordering: .relaxed)
    }

    // MARK: What is written, and how

    /// Records below it are not written.
    var level: Logger.Level {
        get { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }
        set { levelIndex.store(Self.index(newValue), ordering: .relaxed) }
    }

    var format: Configuration.LogFormat {
        get { Configuration.LogFormat.allCases[formatIndex.load(ordering: .relaxed)] }
        set { formatIndex.store(Self.index(newValue), ordering: .relaxed) }
    }

    // MARK: In

    /// Puts a record into the queue. Never waits for the log.
    func append(_ record: borrowing LogEncoder) {
        let isAsleep = shared.withLock { shared in
            shared.queue.append(record.bytes, fields: record.fieldLengths)
            defer { shared.isAsleep = false }
            return shared.isAsleep
        }
        if isAsleep { ring(bell) }
    }

    /// Waits until everything has been written, but no longer than `limit`.
    func flush(within limit: Duration) {
        guard hasThread.load(ordering: .relaxed) else {
            var batch = LogQueue()
            shared.withLock { swap(&$0.queue, &batch) }
            var writer = LogWriter()
            return writer.write(batch, format)
        }
        silence(restBell)
        shared.withLock { shared in
            shared.isRestAwaited = true
            shared.isAsleep = false
        }
        ring(bell)
        var waiting = pollfd(fd: restBell.rawValue, events: Int16(POLLIN), revents: 0)
        // SAFETY: one element, of a local value.
        _ = unsafe poll(&waiting, 1, CInt(limit.milliseconds))
    }

    // MARK: Out

    private func writeForEver() -> Never {
        var batch = LogQueue()
        var writer = LogWriter()
        while true {
            batch.clear()
            let isRestAwaited = shared.withLock { shared in
                guard shared.queue.isEmpty else {
                    swap(&shared.queue, &batch)
                    return false
                }
                shared.isAsleep = true
                defer { shared.isRestAwaited = false }
                return shared.isRestAwaited
            }
            guard batch.isEmpty else {
                writer.write(batch, format)
                continue
            }
            if isRestAwaited { ring(restBell) }
            silence(bell)
        }
    }

    private static func makeBell(flags: Int32) throws(SystemError) -> Descriptor {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC) | flags)
        guard descriptor >= 0 else { throw SystemError("eventfd") }
        return Descriptor(owning: descriptor)
    }

    private func ring(_ bell: borrowing Descriptor) {
        var one: UInt64 = 1
        // SAFETY: eight bytes of a local value.
        _ = unsafe write(bell.rawValue, &one, 8)
    }

    /// Takes what has rung; the thread's bell is waited for.
    private func silence(_ bell: borrowing Descriptor) {
        var rings: UInt64 = 0
        // SAFETY: eight bytes into a local value.
        _ = unsafe read(bell.rawValue, &rings, 8)
    }

    private static func index<Value: CaseIterable & Equatable>(_ value: Value) -> Int
    where Value.AllCases == [Value] {
        Value.allCases.firstIndex(of: value) ?? 0
    }
}

/// Writes batches, and keeps count of what was lost. The one place that may wait for the log.
private struct LogWriter {
    /// Lost, and not told yet.
    private var lost = 0
    private var encoder = LogEncoder()

    /// Lines up to this size leave together: a pipe takes them whole (PIPE_BUF of pipe(7)), so they
    /// do not mix with those of other processes.
    private static let pieceBytesMax = 4096

    mutating func write(_ batch: LogQueue, _ format: Configuration.LogFormat) {
        var start = 0
        var firstField = 0
        var index = 0
        while index < batch.records.count {
            let record = batch.records[index]
            var end = start + record.byteCount
            index += 1
            guard record.fieldCount == 0 else {
                let fields = batch.fieldLengths[firstField..<firstField + record.fieldCount]
                send(batch.bytes[start..<end], fields)
                (start, firstField) = (end, firstField + record.fieldCount)
                continue
            }
            var count = 1
            while index < batch.records.count, batch.records[index].fieldCount == 0,
                end + batch.records[index].byteCount - start <= Self.pieceBytesMax
            {
                end += batch.records[index].byteCount
                index += 1
                count += 1
            }
            if !put(batch.bytes[start..<end]) { lost += count }
            start = end
        }
        lost += batch.dropped
        tellLost(format)
    }

    private mutating func tellLost(_ format: Configuration.LogFormat) {
        guard lost > 0 else { return }
        encoder.begin(format, .warning)
        encoder.add("\(lost) log lines were dropped, because the log did not take them in time")
        encoder.endMessage()
        encoder.end()
        let bytes = encoder.bytes[...]
        guard encoder.fieldLengths.isEmpty else {
            send(bytes, encoder.fieldLengths[...])
            lost = 0
            return
        }
        if put(bytes) { lost = 0 }
    }

    /// Whether standard error has taken it all.
    private func put(_ bytes: ArraySlice<UInt8>) -> Bool {
        // SAFETY: the slice is lent for the calls, which read no further than its end.
        unsafe bytes.withUnsafeBytes { buffer in
            var count = 0
            while count < buffer.count {
                let result = unsafe Glibc.write(
                    STDERR_FILENO, buffer.baseAddress?.advanced(by: count), buffer.count - count)
                if result >= 0 {
                    count += result
                    continue
                }
                switch errno {
                case EINTR: continue
                // Somebody who shares it does not want to wait.
                case EAGAIN:
                    var waiting = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
                    // SAFETY: one element, of a local value.
                    _ = unsafe poll(&waiting, 1, -1)
                default: return false
                }
            }
            return true
        }
    }

    /// Sends a record to journald, which may make it wait.
    private func send(_ bytes: ArraySlice<UInt8>, _ fields: ArraySlice<Int>) {
        // SAFETY: every vector points into the slice, which outlives the call; journald's client only
        // reads. Values may hold any byte: their length is given.
        unsafe bytes.withUnsafeBytes { buffer in
            var vectors: [iovec] = unsafe []
            var start = 0
            for length in fields {
                let base = unsafe UnsafeMutableRawPointer(mutating: buffer.baseAddress)
                unsafe vectors.append(
                    iovec(iov_base: base?.advanced(by: start), iov_len: length))
                start += length
            }
            _ = unsafe sd_journal_sendv(vectors, CInt(vectors.count))
        }
    }
}
