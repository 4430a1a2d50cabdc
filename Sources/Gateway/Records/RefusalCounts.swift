// Refusals of strangers, as many as they like to cause, are one line a second of each kind: the first
// is told in full, those that follow within the second are counted. Otherwise anybody who can connect
// could fill the journal, or have journald's rate limit drop the records of those who are served.

package import Translation

/// Which refusals are told, and how many are not.
package struct RefusalCounts {
    /// How long refusals of a kind are counted before they are told.
    package static let period = Duration.seconds(1)

    /// What refusals have in common that are told together.
    package struct Kind: Hashable, Sendable {
        package let status: Int
        package let type: APIErrorType
    }

    /// Refusals of a kind that were not told one by one.
    package struct Summary: Equatable, Sendable {
        package let kind: Kind
        package let count: Int
        /// Who caused the last of them.
        package let client: String
    }

    private struct Window {
        var endsAt: MonotonicTime
        var count = 0
        var client = ""
    }

    /// As many as there are statuses and types of errors.
    private var windows: [Kind: Window] = [:]

    package init() {}

    /// When `summaries` is due; nil for never.
    package var deadline: MonotonicTime? { windows.values.lazy.map(\.endsAt).min() }

    /// Whether the record is to be written. One that is not a stranger's refusal always is.
    package mutating func admits(_ record: RequestRecord, at now: MonotonicTime) -> Bool {
        guard let kind = Self.kind(of: record) else { return true }
        guard var window = windows[kind] else {
            windows[kind] = Window(endsAt: now + Self.period)
            return true
        }
        window.count += 1
        window.client = record.client
        windows[kind] = window
        return false
    }

    /// The kinds whose second is over and of which some were not told. A kind that goes on is counted
    /// on; one that has stopped is forgotten.
    package mutating func summaries(at now: MonotonicTime) -> [Summary] {
        var summaries: [Summary] = []
        for (kind, window) in windows where window.endsAt <= now {
            if window.count == 0 {
                windows[kind] = nil
            } else {
                summaries.append(Summary(kind: kind, count: window.count, client: window.client))
                windows[kind] = Window(endsAt: now + Self.period)
            }
        }
        return summaries.sorted { $0.kind.status < $1.kind.status }
    }

    /// Of a request that was refused before it had a say: the model shows that one was read.
    private static func kind(of record: RequestRecord) -> Kind? {
        guard record.outcome == .failed, record.requestedModel.isEmpty,
            record.upstreamModel.isEmpty, let type = record.errorType,
            400..<500 ~= record.status || record.status == 529
        else { return nil }
        return Kind(status: record.status, type: type)
    }
}
