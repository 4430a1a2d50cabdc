// What is demanded of every answer and of every record.

import Gateway
import TestSupport

extension World {
    /// A request has its record: one, and true.
    func recorded(_ record: RequestRecord, on connection: Connection) throws {
        let id = String(decoding: record.requestID, as: UTF8.self)
        try require(requestIDs.insert(id).inserted, "two records of \(id)")
        for text in [record.generationID, record.provider, Array((record.errorMessage ?? "").utf8)]
        {
            try requireNoKey(text)
        }
        let index = connection.records.count
        connection.records.append(record)
        if record.status == 408, !connection.client.isHostile, index < connection.client.ends.count
        {
            try require(
                connection.receivedBytes < connection.client.ends[index],
                "408 for a request that is complete")
        }
        switch record.outcome {
        case .completed: try require(record.status == 200, "completed with \(record.status)")
        case .failed: try require(record.status >= 400, "failed with \(record.status)")
        case .interrupted: try require(record.status == 200, "interrupted with \(record.status)")
        case .cancelled: try require(record.status == 200 || record.status == 0, "cancelled")
        }
    }

    /// A client has a whole answer.
    func answered(_ plan: RequestPlan?, _ response: Response, on connection: Connection) throws {
        let record = try checkHead(response, on: connection)
        try requireNoKey(response.body)
        for field in response.fields { try requireNoKey(Array(field.value.utf8)) }
        guard let plan else { return }
        defer { calls[plan.marker] = nil }
        switch plan.kind {
        case .hostile:
            if response.status != 200 { reached(.hostileRefused) }
            if response.status != 200, !plan.isHead { _ = try Message(object: response.body) }
        case .local(let statuses):
            if statuses.contains(response.status) {
                if let milestone = plan.milestone { reached(milestone) }
                if plan.closes { reached(.closeByRequest) }
            } else {
                try checkRefusal(plan, response, on: connection)
            }
        case .message(let streams):
            if response.status >= 400, calls[plan.marker] == nil {
                try checkRefusal(plan, response, on: connection)
            } else {
                try checkMessage(plan, response, streams: streams, record, on: connection)
            }
        }
    }

    private func requireNoKey(_ bytes: [UInt8]) throws {
        try require(
            bytes.firstRange(of: Array(AnswerPlan.key.utf8)) == nil, "the key: \(excerpt(bytes))")
    }

    private func checkHead(
        _ response: Response, on connection: Connection
    ) throws -> RequestRecord {
        let id = response.field("request-id") ?? ""
        try require(id.hasPrefix("req_"), "an answer without request-id")
        try require(response.field("date") != nil, "an answer without date")
        let records = connection.records.filter { $0.requestID == Array(id.dropFirst(4).utf8) }
        guard records.count == 1, let record = records.first else {
            throw Violation("\(records.count) records of an answer")
        }
        try require(record.status == response.status, "a record of another status")
        try require(
            response.status == 200 || record.outcome == .failed,
            "\(response.status) is recorded as \(record.outcome)")
        return record
    }

    /// The reasons to refuse any request.
    private func checkRefusal(
        _ plan: RequestPlan, _ response: Response, on connection: Connection
    ) throws {
        switch response.status {
        case 400 where plan.ask.model == Self.smallModel && plan.ask.paddingBytes > 0:
            reached(.tooLongRefused)
        case 401 where !plan.hasToken: reached(.tokenRefused)
        case 403 where !connection.isLocal: reached(.accessRefused)
        case 408: reached(plan.isBodyTimeout ? .bodyTimedOut : .headTimedOut)
        case 529 where !connection.isAdmitted: reached(.connectionRefused)
        case 529 where isShortOfMemory(connection.records, response): reached(.memoryRefused)
        // A count of tokens, over which the daemon ended.
        case 529 where connection.isInterrupted: break
        default:
            throw Violation(
                "\(response.status) for \(plan.kind): \(excerpt(plan.bytes)) → "
                    + excerpt(response.body))
        }
        if !plan.isHead { _ = try Message(object: response.body) }
    }

    private func isShortOfMemory(_ records: [RequestRecord], _ response: Response) -> Bool {
        let id = Array((response.field("request-id") ?? "").utf8.dropFirst(4))
        return records.contains { $0.requestID == id && isShortOfMemory($0) }
    }

    private func isShortOfMemory(_ record: RequestRecord) -> Bool {
        record.errorMessage?.contains("CLAUDE_PROXY_MEMORY_BUDGET") ?? false
    }

    // MARK: Messages

    private func checkMessage(
        _ plan: RequestPlan, _ response: Response, streams: Bool, _ record: RequestRecord,
        on connection: Connection
    ) throws {
        guard let (count, call) = calls[plan.marker] else {
            throw Violation("an answer to a request that went nowhere")
        }
        try require(count <= 1 + Limits.retriesMax, "\(count) calls for one request")
        let isStream = response.isEventStream
        try require(
            isStream ? streams && response.status == 200 : !streams || response.status != 200,
            "an answer of the wrong form")
        let message =
            isStream
            ? try Message(events: response.body) : try Message(object: response.body)
        try require(isStream || (message.errorType != nil) == (response.status != 200), "status")
        let outcome: RequestRecord.Outcome =
            message.errorType == nil ? .completed : isStream ? .interrupted : .failed
        try require(record.outcome == outcome, "\(outcome) is recorded as \(record.outcome)")
        if message.pings > 0 { reached(.pinged) }
        if let error = message.errorType {
            let isShort = isShortOfMemory(record)
            if isShort { reached(.memoryRefused) }
            try checkError(
                error, message, call, isStream: isStream,
                isExcused: isShort || connection.isInterrupted)
        } else {
            try checkSuccess(message, call.plan)
            noteSuccess(plan, isStream: isStream)
        }
    }

    private func checkSuccess(_ message: Message, _ plan: AnswerPlan) throws {
        switch plan.expectation {
        case .any: return
        case .failure: throw Violation("a failure became a message: \(message)")
        case .empty:
            try require(
                message.text.isEmpty && message.stopReason == "end_turn" && message.pings > 0,
                "nothing became \(message)")
        case .complete(let text, let tools, let stopReason):
            try require(
                message.text == text,
                "the text \(excerpt(message.text)) instead of \(excerpt(text))")
            try require(message.toolInputs.count == tools, "\(message.toolInputs.count) calls")
            try require(message.stopReason == stopReason, "stop_reason \(message.stopReason ?? "")")
        }
        if let milestone = plan.milestone { reached(milestone) }
    }

    private func noteSuccess(_ plan: RequestPlan, isStream: Bool) {
        reached(isStream ? .streamCompleted : .messageCompleted)
        if isStream, plan.isHTTP10 { reached(.streamToHTTP10) }
        if plan.closes { reached(.closeByRequest) }
        if let milestone = plan.milestone { reached(milestone) }
        if plan.isGzip { reached(.gzipInflated) }
    }

    private func checkError(
        _ error: String, _ message: Message, _ call: Call, isStream: Bool, isExcused: Bool
    ) throws {
        // After pings and before content a failure that may pass has a type of its own.
        let isLate = isStream && !message.hasStarted && error == "overloaded_error"
        let isTimeout = error == "timeout_error" || isLate
        let isInterrupt = error == "overloaded_error" && isExcused
        switch call.plan.expectation {
        // Of several failures another one may be told than that of the last, which took too long.
        case .complete where !isTimeout && !isInterrupt && !call.wasCancelled:
            throw Violation("a complete answer became \(error)")
        case .complete, .any: break
        case .empty:
            if !isTimeout, !isInterrupt { reached(.emptyAnswerReported) }
        case .failure:
            if let milestone = call.plan.milestone { reached(milestone) }
        }
        if isTimeout { reached(message.hasStarted ? .upstreamSilentMidway : .upstreamSilent) }
        if isStream {
            reached(message.hasStarted ? .streamFailedMidway : .errorAfterPing)
        } else {
            reached(.statusBeforeStream)
        }
    }
}
