// Responses that are ready before they are sent: heads, and the errors of OpenRouter and of others.
import HTTP1
import Translation

/// The head of a completion.
struct CannedHead {
    var isStream: Bool
    /// The id of the completion.
    var id: String

    var responseHead: ResponseHead {
        var head = ResponseHead(status: 200)
        if isStream {
            head.add("Content-Type", "text/event-stream")
            head.add("Cache-Control", "no-cache")
        } else {
            head.add("Content-Type", "application/json")
        }
        head.add("X-Generation-Id", sanitizing: id)
        return head
    }
}

/// A whole response.
struct CannedResponse {
    var head: ResponseHead
    var body: [UInt8]

    /// A JSON body.
    init(status: Int, json: [UInt8]) {
        head = ResponseHead(status: status)
        head.add("Content-Type", "application/json")
        body = json
    }

    /// An error in OpenRouter's form.
    init(status: Int, message: String) {
        self.init(status: status, json: ErrorForm.openrouter.body(status, message))
    }

    /// An error in somebody's form.
    /// - Parameter retryAfter: the value of `Retry-After`; empty for none.
    init(status: Int, message: String, form: ErrorForm, retryAfter: String) {
        head = ResponseHead(status: status)
        switch form {
        case .html: head.add("Content-Type", "text/html; charset=UTF-8")
        case .empty: break
        case .openrouter, .openai, .mistral: head.add("Content-Type", "application/json")
        }
        if !retryAfter.isEmpty { head.add("Retry-After", sanitizing: retryAfter) }
        body = form.body(status, message)
    }

    var framing: ResponseFraming { .contentLength(body.count) }

    func append(to output: inout [UInt8], persistence: Persistence) {
        ResponseEncoder.append(head, framing: framing, persistence: persistence, to: &output)
        output.append(contentsOf: body)
    }
}

/// Whose error bodies: they differ from server to server.
enum ErrorForm: String, CaseIterable {
    case openrouter, openai, mistral, html, empty

    func body(_ status: Int, _ message: String) -> [UInt8] {
        var body: [UInt8] = []
        switch self {
        case .openrouter:
            body.append("{\"error\":{\"message\":")
            body.append(jsonString: message)
            body.append(",\"code\":")
            body.append(decimal: status)
            body.append("},\"user_id\":\"user_simulated\"}")
        case .openai:
            body.append("{\"error\":{\"message\":")
            body.append(jsonString: message)
            body.append(",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}")
        case .mistral:
            body.append("{\"object\":\"error\",\"message\":")
            body.append(jsonString: message)
            body.append(",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}")
        case .html:
            body.append("<html><head><title>")
            body.append(decimal: status)
            body.append("</title></head><body><h1>Error ")
            body.append(decimal: status)
            body.append("</h1></body></html>\n")
        case .empty:
            break
        }
        return body
    }

    /// What OpenRouter says with a status, when a scenario gives no text of its own.
    static func defaultMessage(of status: Int) -> String {
        switch status {
        case 401: "User not found."
        case 402:
            "Insufficient credits. Add more using https://openrouter.ai/settings/credits"
        case 403: "Key limit exceeded"
        case 404: "No endpoints found that support tool use."
        case 408: "Request timed out"
        case 429: "Rate limit exceeded: free-models-per-day."
        case 502: "Provider returned error"
        case 503: "There is no available model provider that meets your routing requirements"
        case 529: "Provider is overloaded"
        default: "Simulated error \(status)"
        }
    }
}
