// Notes, while the body is written, what its fingerprint is to be made of: where each message lies, and
// what of it no model reads.

/// Where a message of the body begins.
struct MessageMark {
    var role: PromptFingerprint.Role
    var start: Int
}

extension RequestWriter {
    /// A message begins here.
    mutating func noteMessage(_ role: @autoclosure () -> PromptFingerprint.Role) {
        guard settings.takesFingerprint else { return }
        messageMarks.append(MessageMark(role: role(), start: output.count))
    }

    /// The role in the beginning of a message of chat completions.
    static func role(_ opening: StaticString) -> PromptFingerprint.Role {
        // `{"role":"` and the first letter.
        switch "\(opening)".utf8.dropFirst(9).first {
        case UInt8(ascii: "s"): .system
        case UInt8(ascii: "u"): .user
        case UInt8(ascii: "t"): .tool
        default: .assistant
        }
    }

    /// The last message has ended: what comes next is no part of any.
    mutating func noteMessagesEnd() {
        guard settings.takesFingerprint else { return }
        messageMarks.append(MessageMark(role: .user, start: output.count + 1))
    }

    /// What is about to be written, `text`, does not matter to the model.
    mutating func noteImmaterial(_ text: StaticString) {
        guard settings.takesFingerprint else { return }
        immaterial.append(output.count..<output.count + text.utf8CodeUnitCount)
    }

    /// Makes the fingerprint. To be called before breakpoints are cut out of the body again.
    mutating func takeFingerprint() {
        if settings.takesFingerprint { fingerprint = madeFingerprint() }
    }

    private func madeFingerprint() -> PromptFingerprint {
        var print = PromptFingerprint()
        let body = output.span
        var gap = 0
        for index in messageMarks.indices.dropLast() {
            // Without the comma before the next one.
            let range = messageMarks[index].start..<messageMarks[index + 1].start - 1
            let first = gap
            while gap < immaterial.count, immaterial[gap].upperBound <= range.upperBound {
                gap += 1
            }
            print.add(
                messageMarks[index].role, body, range, without: Array(immaterial[first..<gap]))
        }
        if let toolsRange {
            let gaps = immaterial[gap...].prefix { $0.upperBound <= toolsRange.upperBound }
            print.tools = PromptFingerprint.hash(body, toolsRange, without: Array(gaps))
        }
        return print
    }
}
