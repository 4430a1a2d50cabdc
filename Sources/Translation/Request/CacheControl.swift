// Cache breakpoints. They are money: one that is lost makes the prompt cost ten times as much, every
// turn. They are kept where upstream and model know them, always on a text part or a tool,
// since upstreams ignore them elsewhere.
//
// At most four are allowed (a fifth gets 400 from Anthropic). They are written as they are met;
// then, when there are too many, the first ones of the prompt are cut out again, as the later ones
// cover more of it.

/// How long a cache entry lives.
enum CacheControl {
    case fiveMinutes, anHour
}

extension RequestWriter {
    /// Anthropic's limit, which OpenRouter enforces too.
    static var cacheMarksMax: Int { 4 }

    /// Reads a `cache_control` field; nil when there is none, or when the upstream has no use for
    /// it.
    func cacheControl(
        _ node: JSONNode?, at path: FieldPath
    ) throws(APIError) -> CacheControl? {
        guard let node = try document.optional(node, .object, at: path, "cache_control") else {
            return madeUpMarks.contains(path) ? .fiveMinutes : nil
        }
        let type = try document.required(
            document.member(node, "type"), .string, at: path, "cache_control.type")
        guard document.equals(type, "ephemeral") else {
            throw path.error("cache_control.type", .notACacheControl)
        }
        let lifetime = try document.optional(
            document.member(node, "ttl"), .string, at: path, "cache_control.ttl")
        guard let lifetime else { return keepsCacheControl ? .fiveMinutes : nil }
        let isHour = document.equals(lifetime, "1h")
        guard isHour || document.equals(lifetime, "5m") else {
            throw path.error("cache_control.ttl", .notALifetime)
        }
        return keepsCacheControl ? (isHour ? .anHour : .fiveMinutes) : nil
    }

    /// Writes the member `cache_control`, with the comma before it, and remembers where.
    mutating func write(_ cacheControl: CacheControl?) {
        guard let cacheControl else { return }
        let start = output.count
        switch cacheControl {
        case .fiveMinutes: output.append(#","cache_control":{"type":"ephemeral"}"#)
        case .anHour:
            output.append(#","cache_control":{"type":"ephemeral","ttl":"1h"}"#)
            facts.cachesForAnHour = true
        }
        cacheMarks.append(start..<output.count)
        if settings.takesFingerprint { immaterial.append(start..<output.count) }
    }

    /// Cuts out the first breakpoints of the prompt until `max` are left. `toolMarks` says which of
    /// them are on tools: these come last in the body and first in the prompt.
    mutating func limitCacheMarks(to max: Int, toolMarks: Range<Int>) {
        guard cacheMarks.count > max else { return }
        let excess = cacheMarks.count - max
        var surplus = Array(toolMarks.prefix(excess))
        surplus.append(contentsOf: (0..<toolMarks.lowerBound).prefix(excess - surplus.count))
        surplus.sort()
        var kept: [UInt8] = []
        kept.reserveCapacity(output.count)
        var start = 0
        for index in surplus {
            kept.append(output.span.extracting(start..<cacheMarks[index].lowerBound))
            start = cacheMarks[index].upperBound
        }
        kept.append(output.span.extracting(start..<output.count))
        output = kept
        dropped.note("cache_control")
    }
}
