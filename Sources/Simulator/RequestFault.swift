// What is wrong with a request to the simulator. All of it is answered by 400, in OpenRouter's form.
import Translation

/// A client's fault.
enum RequestFault: Error {
    case notJSON(JSONError)
    case modelMissing
    case messagesMissing
    case unknownModel(String)
    case unknownParameter(model: String, name: String, known: [String])
    case invalidParameter(model: String, text: String, expected: String)

    var message: String {
        switch self {
        case .notJSON(let error): "The request body is not JSON: \(error)"
        case .modelMissing: "No models provided"
        case .messagesMissing: "Input required: specify \"prompt\" or \"messages\""
        case .unknownModel(let model): "\(model) is not a valid model ID"
        case .unknownParameter(let model, let name, let known):
            "\(model) is not a valid model ID: it has no parameter '\(name)'; "
                + (known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))")
        case .invalidParameter(let model, let text, let expected):
            "\(model) is not a valid model ID: '\(text)' is not \(expected)"
        }
    }
}
