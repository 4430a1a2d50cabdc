// All lessons of all upstreams, in the order in which they were learnt: the daemon's copy, from which
// the file is made that the next run begins with. Times are the machine's since its boot; in the file
// they are the calendar's, since a boot may lie between.

import Translation

/// The lessons that are kept over a restart.
package struct LessonBook: Sendable {
    package private(set) var lessons: [UpstreamLesson] = []

    /// More than a hundred models of ten lessons each.
    private static let lessonsMax = 1024
    /// The most that `encoded` gives: names and values of parameters are short.
    package static let encodedBytesMax = 2 << 20
    private static let version = 1
    /// No clock is believed that makes a lesson live longer than it was to.
    private static let lifetimeMax = 3600

    package init() {}

    /// Adds a lesson, in the place of an earlier one of the same thing.
    package mutating func learn(_ lesson: UpstreamLesson) {
        lessons.removeAll {
            $0.upstream == lesson.upstream && $0.model == lesson.model
                && lesson.content.replaces($0.content)
        }
        if lessons.count >= Self.lessonsMax { lessons.removeFirst() }
        lessons.append(lesson)
    }

    // MARK: The file

    /// The state file's content: `{"version":1,"lessons":[{"upstream":"…","model":"…","until":seconds
    /// since 1970,"drop":"top_k"}, …]}`.
    ///
    /// - Parameter timeOfDay: since 1970, at `now`.
    package func encoded(at now: MonotonicTime, timeOfDay: Duration) -> [UInt8] {
        var text: [UInt8] = []
        text.append(#"{"version":"#)
        text.append(decimal: Self.version)
        text.append(#","lessons":["#)
        var isFirst = true
        for lesson in lessons where now < lesson.forgottenAt {
            let until = timeOfDay + (lesson.forgottenAt - now)
            text.append(isFirst ? "\n{\"upstream\":" : ",\n{\"upstream\":")
            isFirst = false
            text.append(jsonString: lesson.upstream)
            text.append(#","model":"#)
            text.append(jsonString: String(decoding: lesson.model, as: UTF8.self))
            text.append(#","until":"#)
            text.append(decimal: Int(until.components.seconds))
            text.append(",")
            Self.write(lesson.content, into: &text)
            text.append("}")
        }
        text.append("\n]}\n")
        return text
    }

    /// Reads what `encoded` has written, but for what is forgotten by now; nil when it is anything else.
    package init?(encoded text: [UInt8], at now: MonotonicTime, timeOfDay: Duration) {
        guard text.count <= Self.encodedBytesMax else { return nil }
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(text) } catch { return nil }
        guard let version = document.member(.root, "version"),
            document.integer(version) == Self.version,
            let list = document.member(.root, "lessons"), document.kind(list) == .array,
            document.count(list) <= Self.lessonsMax
        else { return nil }
        let today = Int(timeOfDay.components.seconds)
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            guard let upstream = document.member(element, "upstream").flatMap(document.string),
                let model = document.member(element, "model"), document.kind(model) == .string,
                let until = document.member(element, "until").flatMap(document.integer),
                0..<(1 << 40) ~= until, let content = Self.content(of: element, in: document)
            else { return nil }
            guard today < until else { continue }
            let rest = Duration.seconds(min(until - today, Self.lifetimeMax))
            learn(
                UpstreamLesson(
                    upstream: upstream, model: document.unescaped(model), content: content,
                    forgottenAt: now + rest))
        }
    }

    private static func write(_ content: UpstreamLesson.Content, into text: inout [UInt8]) {
        switch content {
        case .context(let tokens, let times):
            text.append(#""context":"#)
            text.append(decimal: tokens)
            text.append(#","times":"#)
            text.append(decimal: times)
        case .remedy(.lowerMaxTokens(let tokens)):
            text.append(#""output_max":"#)
            text.append(decimal: tokens)
        case .remedy(.raiseMaxTokens(let tokens)):
            text.append(#""output_min":"#)
            text.append(decimal: tokens)
        case .remedy(.dropParameter(let name)):
            text.append(#""drop":"#)
            text.append(jsonString: name)
        case .remedy(.dropValue(let name, let value)):
            text.append(#""drop":"#)
            text.append(jsonString: name)
            text.append(#","value":"#)
            text.append(jsonString: String(decoding: value, as: UTF8.self))
        case .remedy(.dropBetas(let names)):
            text.append(#""betas":"#)
            text.append(jsonString: names)
        case .remedy(let remedy):
            text.append(#""remedy":"#)
            text.append(jsonString: remedy.name)
        }
    }

    /// The remedies that are no more than their names.
    private static let named: [String: UpstreamRemedy] = {
        let all: [UpstreamRemedy] = [
            .dropTopPBesideTemperature, .dropReasoning, .keepReasoning, .returnReasoning,
            .dropStrict, .dropPatterns, .dropImages, .foldSystem, .stopReasoningWithTools,
            .askByResponses, .askByChat,
        ]
        return Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }()

    private static func content(
        of node: JSONNode, in document: JSONDocument
    ) -> UpstreamLesson.Content? {
        func integer(_ name: StaticString) -> Int? {
            document.member(node, name).flatMap(document.integer).flatMap { $0 > 0 ? $0 : nil }
        }
        func string(_ name: StaticString) -> String? {
            document.member(node, name).flatMap(document.string)
        }
        if let tokens = integer("context") { return .context(tokens, times: integer("times") ?? 1) }
        if let tokens = integer("output_max") { return .remedy(.lowerMaxTokens(tokens)) }
        if let tokens = integer("output_min") { return .remedy(.raiseMaxTokens(tokens)) }
        if let name = string("drop") {
            guard let value = string("value") else { return .remedy(.dropParameter(name)) }
            return .remedy(.dropValue(name, Array(value.utf8)))
        }
        if let names = string("betas") { return .remedy(.dropBetas(names)) }
        return string("remedy").flatMap { named[$0] }.map { .remedy($0) }
    }
}
