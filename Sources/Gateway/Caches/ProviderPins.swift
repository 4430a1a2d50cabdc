// Which of OpenRouter's providers a session is to stay with: the one that has answered it last, since
// that has its prompt cached. Asked for by name as long as all goes well.

import Translation

/// The providers of the last sessions.
struct ProviderPins {
    private struct Pin {
        var provider: [UInt8]
        var owner: UInt64
        var lastUsed: Int
    }

    private var pins: [UInt64: Pin] = [:]
    private var uses = 0

    static let sessionsMax = 1024
    private static let providerBytesMax = 64

    /// The provider that this session stays with.
    mutating func provider(of session: UInt64) -> [UInt8]? {
        guard var pin = pins[session] else { return nil }
        uses += 1
        pin.lastUsed = uses
        pins[session] = pin
        return pin.provider
    }

    /// A provider has answered. Names of another form than a name's are not taken: it is going to
    /// stand in a request.
    ///
    /// - Parameter owner: stands for the client.
    mutating func answered(_ session: UInt64, of owner: UInt64, by provider: [UInt8]) {
        guard !provider.isEmpty, provider.count <= Self.providerBytesMax,
            provider.allSatisfy(Self.isOfName)
        else { return }
        uses += 1
        if pins[session] == nil, pins.count >= Self.sessionsMax,
            let victim = FairShare.victim(
                of: pins.lazy.map {
                    (key: $0.key, owner: $0.value.owner, lastUsed: $0.value.lastUsed)
                })
        {
            pins[victim] = nil
        }
        pins[session] = Pin(provider: provider, owner: owner, lastUsed: uses)
    }

    /// The provider could not answer: the next request of the session goes to whom OpenRouter likes.
    mutating func release(_ session: UInt64) { pins[session] = nil }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: " "), UInt8(ascii: "."),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    // MARK: The request

    /// The member of the body that asks for `provider` first, and for others when it cannot, by the rules
    /// of the administrator's.
    static func preference(for provider: [UInt8]?, rules: String?) -> ExtraField? {
        guard let provider else {
            return rules.map { ExtraField(name: fieldName, json: Array($0.utf8)) }
        }
        var json: [UInt8] = Array(#"{"order":[""#.utf8)
        json.append(contentsOf: slug(of: provider))
        json.append(#""]"#)
        if rules.map({ has("allow_fallbacks", $0) }) != true {
            json.append(#","allow_fallbacks":true"#)
        }
        // The rules are an object; an empty one adds nothing.
        let members = rules.map { $0.trimmed.dropFirst().dropLast().trimmed } ?? ""
        if !members.isEmpty {
            json.append(",")
            json.append(contentsOf: members.utf8)
        }
        json.append("}")
        return ExtraField(name: fieldName, json: json)
    }

    /// Whether rules, which are a JSON object, say who is asked first.
    static func haveOrder(_ rules: String) -> Bool { has("order", rules) }

    private static func has(_ name: StaticString, _ rules: String) -> Bool {
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(Array(rules.utf8)) } catch { return false }
        return document.member(.root, name) != nil
    }

    /// The name of that member.
    static let fieldName = "provider"

    /// Answers name providers as people know them, requests by slugs (OpenRouter documentation,
    /// provider routing).
    private static func slug(of provider: [UInt8]) -> [UInt8] {
        let name = String(decoding: provider, as: UTF8.self).lowercased()
        switch name {
        case "google": return Array("google-vertex".utf8)
        case "moonshot ai": return Array("moonshotai".utf8)
        case "aionlabs": return Array("aion-labs".utf8)
        case "atlascloud": return Array("atlas-cloud".utf8)
        default: return name.utf8.map { $0 == 0x20 || $0 == 0x2E ? UInt8(ascii: "-") : $0 }
        }
    }
}
