// What the tests of the request side share: a request in, the body or the error out.

import Testing

@testable import Translation

/// The outcome of a translation.
struct TranslatedBody {
    var body: String
    var request: TranslatedRequest
}

func settings(
    _ profile: UpstreamProfile = .openrouter, _ model: String = "openai/gpt-oss-120b",
    _ change: (inout RequestSettings) -> Void = { _ in }
) -> RequestSettings {
    var settings = RequestSettings(profile: profile, upstreamModel: [UInt8](model.utf8))
    settings.sealKey = sealKey
    change(&settings)
    return settings
}

/// The translation of `request`, a JSON text.
func translate(
    _ request: String, _ settings: RequestSettings = settings(),
    for purpose: RequestOutline.Purpose = .message
) throws -> TranslatedBody {
    var document = JSONDocument()
    try document.parse([UInt8](request.utf8))
    let outline = try RequestOutline(document, for: purpose)
    var output: [UInt8] = [1, 2, 3]
    let translated = try RequestTranslator.translate(
        document, outline: outline, settings: settings, into: &output)
    var check = JSONDocument()
    try check.parse(output)
    return TranslatedBody(body: String(decoding: output, as: UTF8.self), request: translated)
}

/// The error that `request` gets.
func failure(_ request: String, _ settings: RequestSettings = settings()) -> APIError? {
    do {
        _ = try translate(request, settings)
        return nil
    } catch let error as APIError {
        return error
    } catch {
        Issue.record("\(request): \(error)")
        return nil
    }
}

/// A request with `members` besides what each must have.
func request(_ members: String, messages: String = #"[{"role":"user","content":"Hi"}]"#) -> String {
    #"{"model":"m","max_tokens":100,"messages":\#(messages)\#(members.isEmpty ? "" : ",")\#(members)}"#
}

/// What every body of the tests ends with, on OpenRouter.
let ending = #","stream":true,"stream_options":{"include_usage":true}}"#

/// The `messages` of the body for `request`.
func messages(_ messages: String, _ settings: RequestSettings = settings()) throws -> String {
    let body = try translate(request("", messages: messages), settings).body
    var document = JSONDocument()
    try document.parse([UInt8](body.utf8))
    let list = try #require(document.member(.root, "messages"))
    return String(decoding: document.bytes[document.literal(list)], as: UTF8.self)
}

/// The member `name` of the body for `request`, as JSON text; nil when there is none.
func member(
    _ name: StaticString, _ request: String, _ settings: RequestSettings = settings()
) throws -> String? {
    let body = try translate(request, settings).body
    var document = JSONDocument()
    try document.parse([UInt8](body.utf8))
    return document.member(.root, name).map {
        String(decoding: document.bytes[document.literal($0)], as: UTF8.self)
    }
}

let claude = settings(.openrouter, "anthropic/claude-opus-5")
let gemini = settings(.openrouter, "google/gemini-3-pro")
