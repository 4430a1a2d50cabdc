// What the client gets of the exchange: a stream or one message, an error as a status or as the last
// event.

import HTTP1
import Translation

extension MessagesExchange {
    /// What `settle` must know of the output.
    struct Mark {
        /// Where the output ended before.
        let end: Int
        /// Where it ended once everything was ready for events.
        let contentStart: Int
        let isHeadIncluded: Bool
    }

    /// Opens a chunk for what the translator may write; a client that has no status yet is given the
    /// response head first. `settle` takes both back if nothing was written.
    mutating func begin(in turn: Turn, into output: inout [UInt8]) -> Mark? {
        guard attempt.isStreaming else { return nil }
        let end = output.count
        let isHeadIncluded = channel.status == 0
        if isHeadIncluded {
            channel.date = turn.state.date
            channel.beginStream(into: &output)
        } else {
            channel.openChunk(in: &output)
        }
        return Mark(end: end, contentStart: output.count, isHeadIncluded: isHeadIncluded)
    }

    mutating func settle(
        _ mark: Mark?, in turn: Turn, into output: inout [UInt8]
    ) {
        guard let mark else { return }
        let written = output.count - mark.contentStart
        guard written > 0 else {
            channel.takeBack(
                to: mark.end, in: &output, isHeadIncluded: mark.isHeadIncluded)
            return
        }
        channel.closeChunk(in: &output)
        channel.countStreamed(written)
        deadlines.statusHold = nil
        deadlines.ping = turn.now + configuration.pingInterval
    }

    /// Goes on after the translator has been told something.
    ///
    /// - Parameter fate: what becomes of the upstream call if the answer is complete.
    mutating func proceed(
        _ progress: StreamTranslator.Progress, _ fate: UpstreamFate, in turn: Turn,
        into output: inout [UInt8]
    ) -> Step {
        switch progress {
        case .waiting:
            return .wait
        case .started:
            contentCame(in: turn)
            return .wait
        case .finished:
            contentCame(in: turn)
            noteAnswer(in: turn)
            return complete(fate, in: turn, into: &output)
        case .empty:
            return askAgain(after: .emptyAnswer, fate.ofFailure, standing: .empty, in: turn)
                ?? finishEmpty(fate, in: turn, into: &output)
        case .failed:
            return callFailed(translatorFailure, fate.ofFailure, in: turn, into: &output)
        case .failedMidStream:
            note(translatorFailure, .interrupted)
            noteDeath(of: translatorFailure, in: turn)
            return complete(fate.ofFailure, in: turn, into: &output)
        }
    }

    private var translatorFailure: UpstreamFailure {
        guard let failure = translator.failure else {
            preconditionFailure("a translator that has failed says why")
        }
        return failure
    }

    /// A failure that could not be made good.
    mutating func stand(_ retry: Retry, in turn: Turn, into output: inout [UInt8]) -> Step {
        switch retry.standing {
        case .failed: failed(retry.failure, retry.fate, in: turn, into: &output)
        case .reported: report(retry.failure, retry.fate, in: turn, into: &output)
        case .empty: finishEmpty(retry.fate, in: turn, into: &output)
        }
    }

    /// A failure that stands, and that the translator does not know of yet.
    mutating func failed(
        _ failure: UpstreamFailure, _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        let mark = begin(in: turn, into: &output)
        let progress =
            attempt.isStreaming
            ? translator.failed(failure, into: &output)
            : translator.failed(failure, into: &message)
        settle(mark, in: turn, into: &output)
        switch progress {
        case .failed:
            return report(failure, fate, in: turn, into: &output)
        case .failedMidStream:
            note(failure, .interrupted)
            noteDeath(of: failure, in: turn)
            return complete(fate, in: turn, into: &output)
        case .empty:
            // The upstream had said why it stops, but nothing else.
            return report(failure, fate, in: turn, into: &output)
        case .finished, .waiting, .started:
            // The answer was complete but for its last bytes, and now it is.
            return complete(fate, in: turn, into: &output)
        }
    }

    /// The upstream's status is no success, and its body is here, as far as it is read.
    mutating func refused(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        let text = { (bytes: [UInt8]) in
            bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
        }
        let failure = errorReader.read(
            status: head.status,
            headers: .init(
                retryAfter: text(head.retryAfter), rateLimitReset: text(head.rateLimitReset)),
            body: errorBody)
        return callFailed(failure, fate, in: turn, into: &output)
    }

    /// The upstream has said why it does not answer.
    private mutating func callFailed(
        _ failure: UpstreamFailure, _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        if failure.isCutAnswer, translator.canBeCut, case .asking = phase {
            return finishCut(fate, in: turn, into: &output)
        }
        learn(from: failure, in: turn)
        return askAgain(after: failure, fate, standing: .reported, in: turn)
            ?? report(failure, fate, in: turn, into: &output)
    }

    /// The client gets the error: as a status if it has none yet, else as the last event.
    private mutating func report(
        _ failure: UpstreamFailure, _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        precondition(!isOver, "an answer ends once")
        let failure = summed(failure, in: turn)
        if channel.status == 0 {
            note(failure, .failed)
            channel.date = turn.state.date
            channel.send(failure.error, into: &output)
        } else {
            note(failure, .interrupted)
            channel.openChunk(in: &output)
            failure.lateError.writeEvent(requestID: identity.requestID, into: &output)
            channel.finishStream(into: &output)
        }
        phase = .over
        noteSummary()
        return .finish(fate)
    }

    /// The upstream has nothing to say. A client that waits for its status is told so; one
    /// that has it already gets a message without content.
    private mutating func finishEmpty(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        guard channel.status != 0 else {
            return report(.emptyAnswer, fate, in: turn, into: &output)
        }
        channel.openChunk(in: &output)
        translator.writeEmptyMessage(into: &output)
        return complete(fate, in: turn, into: &output)
    }

    /// The upstream had no room for an answer in the length that was asked for.
    private mutating func finishCut(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        let mark = begin(in: turn, into: &output)
        attempt.isStreaming
            ? translator.writeCutMessage(into: &output)
            : translator.writeCutMessage(into: &message)
        settle(mark, in: turn, into: &output)
        contentCame(in: turn)
        noteAnswer(in: turn)
        return complete(fate, in: turn, into: &output)
    }

    /// Everything that belongs to the answer is written.
    private mutating func complete(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        precondition(!isOver, "an answer ends once")
        if attempt.isStreaming {
            channel.finishStream(into: &output)
        } else {
            channel.date = turn.state.date
            channel.send(message, into: &output)
        }
        phase = .over
        noteSummary()
        return .finish(fate)
    }
}
