// Watches over the prompt caches of upstreams: every turn of a session should begin as the last one
// did, for whatever comes after the first difference is paid for anew. It keeps fingerprints, no
// text, of the conversations that were asked for last.
//
// A session holds several conversations (sub-agents, titles, summaries), which nothing names. Two
// prompts belong to the same one when the user's first message is the same, or, should that be what
// has changed, the last message that both can have.

import Translation

/// The conversations of the last sessions. Bounded: at most a few megabytes, usually far less.
struct PrefixGuardian {
    private struct Conversation {
        var session: UInt64
        var owner: UInt64
        var fingerprint: PromptFingerprint
        var lastUsed: Int
        var silentUntil: MonotonicTime
    }

    private var conversations: [Conversation] = []
    private var uses = 0

    static let conversationsMax = 256
    /// A conversation that diverges in every turn is told of this often.
    private static let silence = Duration.seconds(300)

    /// Takes the prompt of the next turn.
    ///
    /// - Parameters:
    ///   - session: a digest of session and model; both have caches of their own.
    ///   - owner: stands for the client.
    /// - Returns: where the prompt leaves the way of the turn before, if it does.
    mutating func note(
        _ prompt: PromptFingerprint, session: UInt64, of owner: UInt64, at now: MonotonicTime
    ) -> PromptDivergence? {
        uses += 1
        guard let index = conversation(of: prompt, session) else {
            insert(
                Conversation(
                    session: session, owner: owner, fingerprint: prompt, lastUsed: uses,
                    silentUntil: .zero))
            return nil
        }
        let divergence = prompt.divergence(from: conversations[index].fingerprint)
        conversations[index].fingerprint = prompt
        conversations[index].lastUsed = uses
        guard let divergence, now >= conversations[index].silentUntil else { return nil }
        conversations[index].silentUntil = now + Self.silence
        return divergence
    }

    private func conversation(of prompt: PromptFingerprint, _ session: UInt64) -> Int? {
        var similar: Int?
        for index in conversations.indices where conversations[index].session == session {
            let other = conversations[index].fingerprint
            if let mine = prompt.firstUser, mine == other.firstUser,
                prompt.isEqual(mine, to: other)
            {
                return index
            }
            // Shorter ones are too easily alike.
            let last = other.messages.count - 1
            if last >= 3, prompt.isEqual(last, to: other) { similar = index }
        }
        return similar
    }

    private mutating func insert(_ conversation: Conversation) {
        guard conversations.count >= Self.conversationsMax else {
            conversations.append(conversation)
            return
        }
        let victim = FairShare.victim(
            of: conversations.indices.lazy.map { [conversations] in
                let entry = conversations[$0]
                return (key: $0, owner: entry.owner, lastUsed: entry.lastUsed)
            })
        if let victim { conversations[victim] = conversation }
    }
}
