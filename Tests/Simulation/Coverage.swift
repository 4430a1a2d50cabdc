// The states that a run is meant to reach. A simulation that never meets one of them proves nothing
// of it, so a long run fails when one is missing.

/// Something worth having met.
package enum Milestone: Int, CaseIterable {
    case streamCompleted, messageCompleted, streamFailedMidway, statusBeforeStream
    case streamToHTTP10, closeByRequest, continueSent, pipelined, readingPausedBySession
    case chunkedRequest, gzipInflated, gzipInvalid, gzipTooLarge, headProbe
    case countedTokens, counted, workedBesideLoop, listedModels, health, notFound, methodNotAllowed,
        mediaTypeRefused
    case invalidRequest, bodyTooLarge, headTimedOut, bodyTimedOut, idleTimedOut, hostileRefused
    case accessRefused, tokenRefused, connectionRefused, memoryRefused
    case clientReset, clientHalfClosed, clientLeftWhileAsked, clientLeftWhileStreaming
    case clientLeftWhilePaused, outputStalled, clientLeftBeforeActions
    case upstreamPaused, upstreamResumed, outputBackedUp, heldUntilDrained, upstreamReleased,
        upstreamCancelled
    case retriedConnection, retriedEmptyAnswer, retriedRefusal, retriedAfterReload,
        retriedAfterStatus,
        lessonUsed
    case fellBack, fellBackAfterStatus, changedKey, leftSlow, askedAnotherFirst, askedThree
    case answerLengthLimited, providerKept, tooLongRefused
    case upstreamSilent, upstreamSilentMidway, pinged, errorAfterPing
    case upstreamErrorStatus, upstreamErrorIn200, upstreamCut, upstreamGarbage
    case toolCallsAnswered, reasoningAnswered, cutAtTokenLimit, emptyAnswerReported
    case failureAfterFinish, eventTooLong, errorBodyCut
    case clockJumped, reloaded, drained, drainedIdle, interrupted, interruptedStream, callOutlived
}

/// How often each was met.
package struct Coverage {
    package private(set) var counts = [Int](repeating: 0, count: Milestone.allCases.count)

    package init() {}

    mutating func reach(_ milestone: Milestone) { counts[milestone.rawValue] += 1 }

    package subscript(_ milestone: Milestone) -> Int { counts[milestone.rawValue] }

    package mutating func add(_ other: Coverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    package var missing: [Milestone] { Milestone.allCases.filter { self[$0] == 0 } }
}
