// What the tests share: turning a loop until something has happened, and bare sockets. Nothing
// sleeps; whatever does not happen within the deadline fails the test.
import CLinux
import EventLoop
import Glibc
import Testing

/// Turns the loop until the condition holds; false when it does not within the deadline.
func turn(
    _ loop: Loop, within limit: Duration = .seconds(20), until condition: () -> Bool
) -> Bool {
    let deadline = Loop.clock() + limit
    while !condition() {
        if Loop.clock() >= deadline { return false }
        loop.turn(waitingAtMost: .milliseconds(50))
    }
    return true
}

/// Two connected local stream sockets, not blocking, closed with the pair.
final class SocketPair {
    let first: Int32
    let second: Int32
    private var open: Set<Int32>

    init() throws {
        var numbers: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        // SAFETY: the kernel fills the two elements.
        guard unsafe socketpair(AF_UNIX, type, 0, &numbers) == 0 else {
            throw SystemError("socketpair")
        }
        first = numbers[0]
        second = numbers[1]
        open = [first, second]
    }

    deinit {
        for descriptor in open { close(descriptor) }
    }

    /// Closes one end now.
    func closeEnd(_ descriptor: Int32) {
        if open.remove(descriptor) != nil { close(descriptor) }
    }

    /// Hands one end to an owner that closes it.
    func take(_ descriptor: Int32) -> Descriptor {
        precondition(open.remove(descriptor) != nil, "each end has one owner")
        return Descriptor(owning: descriptor)
    }
}

/// Sends bytes without blocking; the number taken, or -1.
@discardableResult
func sendBytes(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
    // SAFETY: the kernel reads from the array lent for the call.
    unsafe bytes.withUnsafeBytes {
        unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
}

@discardableResult
func sendBytes(_ text: String, to descriptor: Int32) -> Int {
    sendBytes(Array(text.utf8)[...], to: descriptor)
}

/// What can be read without blocking: nil when nothing waits, empty at the end of input.
func receiveBytes(from descriptor: Int32, atMost limit: Int = 65536) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: limit)
    // SAFETY: the kernel writes into the array lent for the call.
    let count = unsafe bytes.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
    }
    guard count >= 0 else { return nil }
    bytes.removeLast(limit - count)
    return bytes
}

/// Calls a closure for each event.
final class Probe: EventHandler {
    private let action: (Readiness, Int32) -> Void

    init(_ action: @escaping (Readiness, Int32) -> Void) {
        self.action = action
    }

    override func ready(_ readiness: Readiness, on descriptor: Int32) {
        action(readiness, descriptor)
    }
}
