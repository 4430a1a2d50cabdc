// Who is asked, in which order, as an administrator writes it: `model[@upstream] | model[@upstream] | …`.

/// Models in the order in which they are asked.
package struct ModelChain: Sendable, Equatable {
    /// As they are written, at least one and at most `entriesMax`.
    package let entries: [String]

    /// A request makes no more calls than this.
    package static let entriesMax = 4

    /// A chain of one model.
    package init(_ entry: String) { entries = [entry] }

    /// Reads entries with `|` between them.
    init(parsing text: String) throws(InvalidValue) {
        var entries: [String] = []
        for part in text.split(separator: "|", omittingEmptySubsequences: false) {
            let entry = part.trimmed
            guard !entry.isEmpty else {
                throw InvalidValue("\(text.quoted) has an empty entry: a `|` too many")
            }
            try checkModelID(entry)
            guard !entries.contains(entry) else {
                throw InvalidValue("\(entry.quoted) is in the chain twice")
            }
            entries.append(entry)
        }
        guard entries.count <= Self.entriesMax else {
            throw InvalidValue(
                "a chain of \(entries.count) models is longer than \(Self.entriesMax)")
        }
        self.entries = entries
    }
}

extension ModelChain: CustomStringConvertible {
    /// The chain as an administrator writes it.
    package var description: String { entries.joined(separator: " | ") }
}

/// A model and the name of the upstream that is asked for it.
package struct ModelTarget: Sendable, Hashable {
    /// The upstream's id of the model.
    package let model: String
    /// The upstream's name, in lower case.
    package let upstream: String

    package init(model: String, upstream: String) {
        self.model = model
        self.upstream = upstream
    }

    /// What an id means. What follows its last `@` counts only if it names an upstream: versions and
    /// presets (`claude-opus-4@20250805`, `model@preset/name`) have that character, too.
    package init(_ id: String, among upstreams: [String]) {
        if let (model, name) = Self.parts(of: id), upstreams.contains(name) {
            self.init(model: model, upstream: name)
        } else {
            self.init(model: id, upstream: UpstreamConfiguration.mainName)
        }
    }

    /// The upstream that `id` is meant for by its form, whether there is one of that name or not.
    static func nameWritten(in id: String) -> String? {
        guard let (_, name) = parts(of: id), NamedUpstream.isName(name.lowercased()) else {
            return nil
        }
        return name
    }

    private static func parts(of id: String) -> (model: String, name: String)? {
        guard let at = id.utf8.lastIndex(of: UInt8(ascii: "@")), at > id.startIndex else {
            return nil
        }
        return (String(id[..<at]), String(id[id.utf8.index(after: at)...]))
    }
}

extension ModelTarget: CustomStringConvertible {
    /// `model@upstream`; of the main upstream the model alone.
    package var description: String {
        upstream == UpstreamConfiguration.mainName ? model : "\(model)@\(upstream)"
    }
}

extension ValueFormat where Value == ModelChain {
    /// Model ids with `|` between them.
    static var modelChain: Self {
        ValueFormat(
            type: "chain",
            allowed:
                "a model id, or up to \(ModelChain.entriesMax) with vertical bars between them;"
                + " each may end in `@` and the name of an upstream",
            parse: ModelChain.init(parsing:), render: { $0.description })
    }
}
