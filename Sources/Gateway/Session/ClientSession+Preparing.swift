// Large bodies are parsed and translated beside the loop (`BodyWork`). The session goes on here when the
// shell brings the work back: with the request, with the exchange that asks again, or with the count.
// Work that the session has turned from meanwhile carries an old identifier and is dropped.

import HTTP1
import Translation

extension ClientSession {
    /// What follows work on a request's body. A reference, because few sessions have it.
    final class Preparing {
        enum Step {
            /// It is parsed: see `bodyReceived`.
            case reading(PromptMeasure?, asksUpstream: Bool)
            /// It is translated for the first who is asked for a message.
            case launching(Launch)
            /// It is translated for the upstream that is asked for a count.
            case asking(CountLaunch)
        }

        let step: Step

        init(_ step: Step) { self.step = step }
    }

    /// Whether `workDone` is waited for.
    package var awaitsWork: Bool { work != nil || countWork != nil }

    /// Has work done on the request's body, then goes on with it.
    mutating func prepare(_ task: BodyWork.Task, for step: Preparing.Step) {
        precondition(running == nil && work == nil, "one piece of work at a time")
        phase = .preparing
        preparing = Preparing(step)
        work = startWork(task)
    }

    /// The shell has done a piece of work.
    package mutating func workDone(
        _ id: WorkID, _ done: BodyWork, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        if id == countWork, case .count(let count) = done.task {
            countWork = nil
            self.count = count
            act(.count)
        } else if id == work {
            work = nil
            switch done.task {
            case .read(let reading): bodyRead(reading, at: now, into: &output)
            case .translate(let translation):
                if running != nil {
                    let turn = turn(at: now)
                    let step = running?.exchange.translated(translation, in: turn, into: &output)
                    if let step { take(step, at: now, into: &output) }
                } else {
                    bodyTranslated(translation, at: now, into: &output)
                }
            case .count: preconditionFailure("a count is work of its own")
            }
        }
    }

    private mutating func bodyRead(
        _ reading: BodyReading, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard case .reading(let measure, let asksUpstream) = preparing.take()?.step,
            let request
        else { preconditionFailure("a body is read for what follows") }
        var reading = reading
        var document = reading.takeDocument()
        swap(&document, &state.document)
        defer { swap(&document, &state.document) }
        do throws(APIError) {
            self.request = nil
            try begin(
                request, reading.result.get(), measure, asksUpstream: asksUpstream, at: now,
                into: &output)
        } catch {
            self.request = request
            fail(error, at: now, into: &output)
        }
    }

    private mutating func bodyTranslated(
        _ translation: RequestTranslation, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard let step = preparing.take()?.step, let request else {
            preconditionFailure("a body is translated for what follows")
        }
        var translation = translation
        do throws(APIError) {
            let (translated, body) = try translation.product()
            self.request = nil
            let clientBody = translation.takeClientBody()
            switch step {
            case .launching(let launch):
                try finish(
                    launch, request, translated, body, clientBody: clientBody, at: now)
            case .asking(let launch):
                try finish(launch, request, body, clientBody: clientBody, at: now)
            case .reading: preconditionFailure("a body is parsed before it is translated")
            }
        } catch {
            self.request = request
            fail(error, at: now, into: &output)
        }
    }

    /// No work is waited for any more.
    mutating func endWork() {
        preparing = nil
        if let work = work.take() { act(.dropWork(work)) }
    }

    /// No count is of use any more.
    mutating func endCounting() {
        count = nil
        if let work = countWork.take() { act(.dropWork(work)) }
    }
}
