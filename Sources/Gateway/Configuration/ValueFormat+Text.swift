// Texts: what goes into headers, model ids, hosts, addresses, secrets.
//
// Whatever ends up in a header must not contain control characters: a line feed in one would let
// its writer add headers of his own (RFC 9110 section 5.5).

import Translation

extension ValueFormat where Value == String {
    /// Text for the value of a header.
    static func headerText(_ what: String) -> Self {
        let bytesMax = 1024
        return ValueFormat(
            type: "text",
            allowed: "\(what), without control characters, at most \(bytesMax) bytes",
            parse: { (text) throws(InvalidValue) in
                guard !text.hasControls else { throw InvalidValue("it has control characters") }
                guard text.utf8.count <= bytesMax else { throw InvalidValue("it is too long") }
                return text
            },
            render: { $0 })
    }

    /// The path of a file. Whether it is there shows when it is needed.
    static var absolutePath: Self {
        ValueFormat(
            type: "path", allowed: "an absolute path",
            parse: { (text) throws(InvalidValue) in
                guard text.hasPrefix("/"), !text.hasControls else {
                    throw InvalidValue("\(text.quoted) is not an absolute path")
                }
                return text
            },
            render: { $0 })
    }

    /// A model id.
    static var modelID: Self {
        ValueFormat(
            type: "text", allowed: "a model id: visible ASCII characters without blanks",
            parse: { (text) throws(InvalidValue) in
                try checkModelID(text)
                return text
            },
            render: { $0 })
    }

    /// A host without a port, in lower case and without brackets.
    static var hostName: Self {
        ValueFormat(
            type: "text", allowed: "a host name or address without a port",
            parse: { (text) throws(InvalidValue) in
                let bare = HostSyntax.ipv6Groups(text) == nil ? text : "[\(text)]"
                let parsed = try HostAndPort(parsing: bare)
                guard parsed.port == nil else {
                    throw InvalidValue("\(text.quoted) has a port; any port is accepted")
                }
                return parsed.host
            },
            render: { $0 })
    }
}

extension ValueFormat where Value == Secret {
    /// A key or token. No reason tells anything of its text.
    static var secret: Self { secret(bytesMin: 1) }

    /// One that nothing but chance is to have made.
    static var longSecret: Self { secret(bytesMin: 32) }

    private static func secret(bytesMin: Int) -> Self {
        let bytesMax = 4096
        let length =
            bytesMin > 1 ? "\(bytesMin) to \(bytesMax) bytes" : "at most \(bytesMax) bytes"
        return ValueFormat(
            type: "secret", allowed: "visible ASCII characters without blanks, \(length)",
            parse: { (text) throws(InvalidValue) in
                guard !text.hasControls else { throw InvalidValue("it has control characters") }
                guard text.isVisibleASCII else {
                    throw InvalidValue(
                        "it has blanks or characters outside ASCII"
                            + " (a comment needs a line of its own)")
                }
                guard text.utf8.count <= bytesMax else { throw InvalidValue("it is too long") }
                guard text.utf8.count >= bytesMin else { throw InvalidValue("it is too short") }
                // A file's quotation marks are taken off before; docker's --env-file and lists of
                // compose keep them.
                for mark in ["\"", "'", "`"] where text.hasPrefix(mark) || text.hasSuffix(mark) {
                    throw InvalidValue(
                        "it begins or ends with a quotation mark, which would be sent as a part of"
                            + " it; leave the marks out where it is set")
                }
                return Secret(text)
            },
            render: { _ in Secret.mask })
    }
}

extension ValueFormat where Value == [Secret] {
    /// Keys or tokens separated by commas or line ends, so that a credential file may have one a
    /// line.
    static var secrets: Self {
        let format = ValueFormat<Secret>.secret
        return ValueFormat(
            type: "list of secrets",
            allowed: "a comma-separated list; each item is \(format.allowed)",
            parse: { (text) throws(InvalidValue) in
                let items = text.split(omittingEmptySubsequences: false) {
                    $0 == "," || $0.isNewline
                }
                var secrets: [Secret] = []
                for (index, item) in items.enumerated() {
                    let item = item.trimmed
                    guard !item.isEmpty else {
                        throw InvalidValue("item \(index + 1) of the list is empty")
                    }
                    do throws(InvalidValue) {
                        secrets.append(try format.parse(item))
                    } catch {
                        throw InvalidValue("item \(index + 1) of the list: \(error.reason)")
                    }
                }
                return secrets
            },
            render: { $0.isEmpty ? "" : Secret.mask })
    }

    /// The keys of an upstream: usually one, of which faults are told as such.
    static var keys: Self {
        let one = ValueFormat<Secret>.secret
        let several = secrets
        return ValueFormat(
            type: several.type, allowed: several.allowed,
            parse: { (text) throws(InvalidValue) in
                guard text.contains(where: { $0 == "," || $0.isNewline }) else {
                    return [try one.parse(text)]
                }
                let keys = try several.parse(text)
                for (index, key) in keys.enumerated() where keys[..<index].contains(key) {
                    throw InvalidValue("item \(index + 1) of the list is in it twice")
                }
                guard keys.count <= Limits.keysMax else {
                    throw InvalidValue("\(keys.count) keys are more than \(Limits.keysMax)")
                }
                return keys
            },
            render: several.render)
    }
}

extension ValueFormat where Value == String {
    /// A JSON object, as it stands.
    static var jsonObject: Self {
        let bytesMax = 8 << 10
        return ValueFormat(
            type: "JSON", allowed: "a JSON object of at most \(bytesMax >> 10) KiB",
            parse: { (text) throws(InvalidValue) in
                guard text.utf8.count <= bytesMax else { throw InvalidValue("it is too long") }
                var document = JSONDocument()
                do throws(JSONError) {
                    try document.parse(Array(text.utf8))
                } catch {
                    throw InvalidValue("it is not JSON: \(error)")
                }
                guard document.kind(.root) == .object else {
                    throw InvalidValue("it is no JSON object")
                }
                return text
            },
            render: { $0 })
    }
}

// MARK: - Types of their own

extension ValueFormat where Value == UpstreamURL {
    /// The base URL of an API.
    static var upstreamURL: Self {
        ValueFormat(
            type: "URL",
            allowed: "https://host[:port][/path], or http:// for this machine;"
                + " no user information, query or fragment",
            parse: UpstreamURL.init(parsing:), render: { $0.description })
    }
}

extension ValueFormat where Value == ListenSpecification {
    /// A place to listen at.
    static var listenAddress: Self {
        ValueFormat(
            type: "address",
            allowed: "address:port, [v6]:port, localhost:port, *:port or unix:/path",
            parse: ListenSpecification.init(parsing:), render: { $0.description })
    }
}

extension ValueFormat where Value == ReportModel {
    /// A model id or one of two words.
    static var reportModel: Self {
        ValueFormat(
            type: "text", allowed: "a model id, requested or upstream",
            parse: { (text) throws(InvalidValue) in
                switch text {
                case "requested": return .requested
                case "upstream": return .upstream
                default:
                    try checkModelID(text)
                    return .fixed(text)
                }
            },
            render: { $0.description })
    }
}

extension ValueFormat where Value == ModelMap {
    /// Rules separated by commas.
    static var modelMap: Self {
        ValueFormat(
            type: "list",
            allowed:
                "a comma-separated list of from=to, where from may end in `*` and to may be a chain",
            parse: { (text) throws(InvalidValue) in
                var rules: [ModelMap.Rule] = []
                for item in text.split(separator: ",", omittingEmptySubsequences: false) {
                    let item = item.trimmed
                    guard !item.isEmpty else {
                        throw InvalidValue("an item of the list is empty: a comma too many")
                    }
                    let rule = try ModelMap.Rule(parsing: item)
                    guard !rules.contains(where: { $0.from == rule.from }) else {
                        throw InvalidValue("\(rule.from.quoted) is mapped twice")
                    }
                    rules.append(rule)
                }
                return ModelMap(rules)
            },
            render: { $0.rules.map(\.description).joined(separator: ",") })
    }
}
