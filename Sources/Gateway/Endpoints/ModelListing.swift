// GET /v1/models and /v1/models/{id}: which models there are to choose from, in the shape that the
// client understands: Anthropic's, or OpenAI's when no anthropic-version field came.

import Translation

/// The models that are listed, made once per configuration.
package struct ModelListing: Sendable {
    /// One model as it is listed.
    struct Model: Sendable, Equatable {
        var id: String
        var displayName: String
    }

    let models: [Model]

    /// The age that is claimed for every model: clients sort by it and show nothing of it.
    private static let createdAt: StaticString = "2025-09-29T00:00:00Z"
    private static let createdAtSeconds = 1_759_104_000

    init(_ configuration: Configuration) {
        var models: [Model] = []
        func list(_ id: String, _ displayName: String) {
            if !models.contains(where: { $0.id == id }) {
                models.append(Model(id: id, displayName: displayName))
            }
        }
        if case .fixed(let reported) = configuration.reportModel {
            list(reported, configuration.defaultModel)
        }
        var upstreamIDs = [configuration.defaultModel]
        for rule in configuration.modelMap.rules {
            if !rule.isPrefix { list(rule.pattern, "\(rule.pattern) (\(rule.target))") }
            upstreamIDs.append(rule.target)
        }
        for id in upstreamIDs {
            list(id, id)
            list(ModelChoice.alias(for: id), id)
        }
        self.models = models
    }

    /// The whole list. There is only one page.
    func list(forAnthropicClient isAnthropic: Bool) -> [UInt8] {
        var body: [UInt8] = []
        body.append(isAnthropic ? #"{"data":["# : #"{"object":"list","data":["#)
        for (index, model) in models.enumerated() {
            if index > 0 { body.append(",") }
            Self.write(model, forAnthropicClient: isAnthropic, into: &body)
        }
        body.append("]")
        if isAnthropic {
            body.append(#","has_more":false,"first_id":"#)
            Self.write(models.first?.id, into: &body)
            body.append(#","last_id":"#)
            Self.write(models.last?.id, into: &body)
        }
        body.append("}")
        return body
    }

    /// One model, or nil if none has this id.
    func model(_ id: String, forAnthropicClient isAnthropic: Bool) -> [UInt8]? {
        guard let model = models.first(where: { $0.id == id }) else { return nil }
        var body: [UInt8] = []
        Self.write(model, forAnthropicClient: isAnthropic, into: &body)
        return body
    }

    private static func write(_ id: String?, into body: inout [UInt8]) {
        if let id { body.append(jsonString: id) } else { body.append("null") }
    }

    private static func write(
        _ model: Model, forAnthropicClient isAnthropic: Bool, into body: inout [UInt8]
    ) {
        if isAnthropic {
            body.append(#"{"type":"model","id":"#)
            body.append(jsonString: model.id)
            body.append(#","display_name":"#)
            body.append(jsonString: model.displayName)
            body.append(#","created_at":""#)
            body.append(createdAt)
            body.append(#""}"#)
        } else {
            body.append(#"{"id":"#)
            body.append(jsonString: model.id)
            body.append(#","object":"model","created":"#)
            body.append(decimal: createdAtSeconds)
            body.append(#","owned_by":"claude-proxy"}"#)
        }
    }
}
