// The one way into a loop from another thread. The sender's side is Sendable: a queue behind a lock
// and an eventfd that wakes the loop. The receiver's side lives on the loop's thread and may hold
// whatever that thread owns, so nothing that is not Sendable ever crosses.
//
// The eventfd is rung only for the first message of a batch. The receiver silences it before it
// takes the queue, so a message that comes between the two rings again: at worst a wake-up finds
// nothing. Meant for control messages (reload, drain, stop); the data path never leaves its thread.
import CLinux
import Glibc

/// Sends messages from any thread to a receiver on a loop's thread, in the order of sending.
package final class Mailbox<Message: Sendable>: Sendable {
    private let queue = Guarded<[Message]>([])
    private let bell: Descriptor

    /// An empty mailbox. Messages sent before it is attached wait.
    package init() throws(SystemError) {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemError("eventfd") }
        bell = Descriptor(owning: descriptor)
    }

    /// Delivers the messages to `receiver`, on the loop's thread, from its next turn on. To be
    /// called on that thread, once.
    package func attach(
        to loop: Loop, receiver: @escaping (Message) -> Void
    ) throws(SystemError) {
        let handler = MailboxReceiver(mailbox: self, receiver: receiver)
        try loop.register(bell.rawValue, for: .readable, handler: handler)
    }

    /// Puts a message in. From any thread; never blocks but for the lock.
    package func send(_ message: Message) {
        let isFirst = queue.withLock { queue in
            queue.append(message)
            return queue.count == 1
        }
        guard isFirst else { return }
        var one: UInt64 = 1
        // SAFETY: eight bytes of a local value. It can fail only by EAGAIN, with the counter full:
        // then the bell rings anyway.
        _ = unsafe write(bell.rawValue, &one, 8)
    }

    /// Swaps the waiting messages with the empty array given, which keeps its storage in use.
    fileprivate func takeAll(into messages: inout [Message]) {
        var rings: UInt64 = 0
        // SAFETY: eight bytes into a local value. EAGAIN means that nothing rings: the queue tells.
        _ = unsafe read(bell.rawValue, &rings, 8)
        queue.withLock { swap(&$0, &messages) }
    }
}

/// The loop's side of a mailbox.
private final class MailboxReceiver<Message: Sendable>: EventHandler {
    private let mailbox: Mailbox<Message>
    private let receiver: (Message) -> Void
    private var messages: [Message] = []

    init(mailbox: Mailbox<Message>, receiver: @escaping (Message) -> Void) {
        self.mailbox = mailbox
        self.receiver = receiver
    }

    override func ready(_ readiness: Readiness, on descriptor: Int32) {
        mailbox.takeAll(into: &messages)
        for message in messages { receiver(message) }
        messages.removeAll(keepingCapacity: true)
    }
}
