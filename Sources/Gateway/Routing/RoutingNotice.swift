// What an administrator hears of routing: once when something begins to fail, once when it works again,
// never once a request.

import Translation

/// Something to be told of an upstream, a key or a model.
package struct RoutingNotice: Sendable, Equatable {
    enum Event: Sendable, Equatable {
        /// It fails so often that others are asked where there are any.
        case fails(FailureKind)
        /// It is left alone for a time.
        case leftAlone(FailureKind, Duration)
        case works
    }

    enum Subject: Sendable { case upstream, model, key, keyAndModel }

    private let event: Event
    private let subject: Subject
    /// The name of the upstream.
    package let upstream: String
    /// The model; empty when it is not about one. Text that may come from a client.
    package let model: String
    private let key: String

    init(_ event: Event, upstream: Upstream, _ subject: Subject, model: [UInt8]) {
        self.event = event
        self.subject = subject
        self.upstream = upstream.configuration.name
        self.model = String(decoding: model.prefix(Limits.loggedBytesMax), as: UTF8.self)
        key = upstream.configuration.keyText
    }

    /// Whether it is good news.
    package var isRecovery: Bool { event == .works }

    /// A sentence for the log, without the model.
    package var text: String {
        switch event {
        case .fails(let kind):
            "\(name) fails (\(kind.rawValue)): where a chain has another model, that is asked"
        case .leftAlone(let kind, let time):
            "\(name) is left alone for \(time.text) (\(kind.rawValue))" + advice(kind)
        case .works: "\(name) works again"
        }
    }

    private var name: String {
        switch subject {
        case .upstream: "the upstream \(upstream)"
        case .model: "a model at the upstream \(upstream)"
        case .key, .keyAndModel: "the upstream \(upstream) with \(key)"
        }
    }

    private func advice(_ kind: FailureKind) -> String {
        switch kind {
        case .keyRefused: "; replace the key and reload"
        case .outOfCredit: "; add credit and reload"
        case .modelMissing: "; check the model's id"
        default: ""
        }
    }
}
