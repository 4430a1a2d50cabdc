// The paths of the simulated upstream, under whatever prefix: OpenRouter's are below /api/v1.
import HTTP1
import Translation

/// What a request is for.
enum Endpoint: Equatable {
    /// A model is asked, by this API.
    case model(UpstreamAPI)
    case models
    case key
    case stats
    case unknown
    case wrongMethod

    /// Whether it is only for those who have a key.
    var takesKey: Bool {
        switch self {
        case .model, .key: true
        case .models, .stats, .unknown, .wrongMethod: false
        }
    }

    init(_ head: RequestHead) {
        let path = String(decoding: head.path, as: UTF8.self)
        let wanted: (endpoint: Endpoint, method: RequestMethod)
        if path.hasSuffix("/chat/completions") {
            wanted = (.model(.chat), .post)
        } else if path.hasSuffix("/responses") {
            wanted = (.model(.responses), .post)
        } else if path.hasSuffix("/messages") {
            wanted = (.model(.messages), .post)
        } else if path.hasSuffix("/models") {
            wanted = (.models, .get)
        } else if path.hasSuffix("/key") {
            wanted = (.key, .get)
        } else if path.hasSuffix("/stats") {
            wanted = (.stats, .get)
        } else {
            self = .unknown
            return
        }
        self = wanted.method == head.method ? wanted.endpoint : .wrongMethod
    }
}

/// Answers that are always the same.
enum CannedBodies {
    /// `GET …/key`, for a key without limits.
    static let key = Array(
        """
        {"data":{"label":"sk-or-v1-sim...","limit":null,"limit_remaining":null,"usage":0,\
        "is_free_tier":false,"is_provisioning_key":false}}
        """.utf8)

    /// `GET …/models`: every scenario is a model.
    static let models: [UInt8] = {
        var body: [UInt8] = []
        body.append("{\"data\":[")
        for (index, scenario) in Scenario.all.enumerated() {
            if index > 0 { body.append(",") }
            append(scenario, to: &body)
        }
        body.append("]}")
        return body
    }()

    private static func append(_ scenario: Scenario, to body: inout [UInt8]) {
        let parameters = scenario.parameters
        body.append("{\"id\":")
        body.append(jsonString: scenario.name)
        body.append(",\"canonical_slug\":")
        body.append(jsonString: scenario.name)
        body.append(",\"name\":")
        body.append(jsonString: "Simulator: \(scenario.name)")
        body.append(",\"created\":1767225600,\"description\":")
        body.append(
            jsonString: parameters.isEmpty
                ? scenario.summary : "\(scenario.summary) Parameters: \(parameters)")
        let context = scenario.name == Scenario.windowName ? Scenario.windowTokens : 200_000
        body.append(",\"context_length\":")
        body.append(decimal: context)
        body.append(
            """
            ,"architecture":{"modality":"text+image->text","input_modalities":["text","image"],\
            "output_modalities":["text"],"tokenizer":"Other","instruct_type":null},\
            "pricing":{"prompt":"0.000001","completion":"0.000005","request":"0","image":"0",\
            "web_search":"0","internal_reasoning":"0","input_cache_read":"0.0000001",\
            "input_cache_write":"0.00000125"},"top_provider":{"context_length":
            """)
        body.append(decimal: context)
        body.append(
            """
            ,"max_completion_tokens":64000,"is_moderated":false},"per_request_limits":null,\
            "supported_parameters":["include_reasoning","max_tokens","parallel_tool_calls",\
            "reasoning","response_format","stop","structured_outputs","temperature",\
            "tool_choice","tools","top_k","top_p"],"default_parameters":{},\
            "reasoning":{"supported_efforts":["xhigh","high","medium","low"],\
            "default_effort":"medium","supports_max_tokens":true,"mandatory":false},\
            "expiration_date":null,"links":{}}
            """)
    }
}
