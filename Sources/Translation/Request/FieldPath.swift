// Where in a request a fault lies, and in what words. The wording is the Messages API's own
// (`messages.3.content.0.source: Field required`), which clients and people know how to read; some
// clients act on it.

/// The place of a value in a request. Cheap to pass: the text is made only for an error.
struct FieldPath {
    /// The top-level field; empty for the body itself.
    var root: StaticString
    /// The index in the top-level list: a message, a tool.
    var index: Int?
    /// The index in that message's `content`.
    var block: Int?
    /// The field of that block, and the index in it, where blocks hold blocks.
    var inner: (field: StaticString, index: Int)?

    init(_ root: StaticString, _ index: Int? = nil) {
        self.root = root
        self.index = index
    }

    /// The place of the block at `index` of this message's content.
    func content(_ index: Int) -> FieldPath {
        var path = self
        path.block = index
        return path
    }

    /// The place of the block at `index` of `field` of this block.
    func nested(_ field: StaticString, _ index: Int) -> FieldPath {
        var path = self
        path.inner = (field, index)
        return path
    }

    /// The error that this place has `problem`.
    func error(_ problem: FieldProblem) -> APIError { error(nil, problem) }

    /// The error that `field` of this place has `problem`.
    func error(_ field: StaticString?, _ problem: FieldProblem) -> APIError {
        .invalidRequest("\(description(field)): \(problem.rawValue)")
    }

    /// The error that this place cannot be served, for a reason in words.
    func refusal(_ reason: String) -> APIError { refusal(nil, reason) }

    /// The error that `field` of this place cannot be served, for a reason in words.
    func refusal(_ field: StaticString?, _ reason: String) -> APIError {
        .invalidRequest("\(description(field)): \(reason)")
    }

    private func description(_ field: StaticString?) -> String {
        var text = "\(root)"
        if let index { text += ".\(index)" }
        if let block { text += ".content.\(block)" }
        if let inner { text += ".\(inner.field).\(inner.index)" }
        if let field { text += text.isEmpty ? "\(field)" : ".\(field)" }
        return text
    }
}

/// What can be wrong with a field, in the words of the Messages API.
enum FieldProblem: String {
    case required = "Field required"
    case notString = "Input should be a valid string"
    case notInteger = "Input should be a valid integer"
    case notNumber = "Input should be a valid number"
    case notBoolean = "Input should be a valid boolean"
    case notList = "Input should be a valid list"
    case notObject = "Input should be an object"
    case notStringOrList = "Input should be a valid string or list"
    case empty = "String should have at least 1 character"
    case belowOne = "Input should be greater than or equal to 1"
    case negative = "Input should be greater than or equal to 0"
    case outsideZeroToOne = "Input should be between 0 and 1"
    case outsideZeroToTwo = "Input should be between 0 and 2"
    case notARole = "Input should be 'user', 'assistant' or 'system'"
    case notAThinkingType =
        "Input should be 'enabled', 'disabled', 'adaptive' or 'between_tools'"
    case notAnEffort = "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"
    case notAToolChoice = "Input should be 'auto', 'any', 'tool' or 'none'"
    case notACacheControl = "Input should be 'ephemeral'"
    case notALifetime = "Input should be '5m' or '1h'"
    case notAFormat = "Input should be 'json_schema'"
    case fileSource =
        "files are not supported by this proxy; send the content itself (source type 'base64')"
    case unknownSource = "Input should be a known source type"
}

/// The kinds of values that fields have.
enum FieldKind {
    case string, number, boolean, list, object

    fileprivate func admits(_ kind: JSONKind) -> Bool {
        switch self {
        case .string: kind == .string
        case .number: kind == .number
        case .boolean: kind == .true || kind == .false
        case .list: kind == .array
        case .object: kind == .object
        }
    }

    fileprivate var problem: FieldProblem {
        switch self {
        case .string: .notString
        case .number: .notNumber
        case .boolean: .notBoolean
        case .list: .notList
        case .object: .notObject
        }
    }
}

extension JSONDocument {
    /// `node` when it is of `kind`; nil when it is absent or null.
    func optional(
        _ node: JSONNode?, _ kind: FieldKind, at path: FieldPath, _ field: StaticString? = nil
    ) throws(APIError) -> JSONNode? {
        guard let node, !isNull(node) else { return nil }
        guard kind.admits(self.kind(node)) else { throw path.error(field, kind.problem) }
        return node
    }

    /// `node`, which must be there and of `kind`.
    func required(
        _ node: JSONNode?, _ kind: FieldKind, at path: FieldPath, _ field: StaticString? = nil
    ) throws(APIError) -> JSONNode {
        guard let node else { throw path.error(field, .required) }
        guard kind.admits(self.kind(node)) else { throw path.error(field, kind.problem) }
        return node
    }

    /// The boolean at `node`; false when it is absent or null.
    func flag(
        _ node: JSONNode?, at path: FieldPath, _ field: StaticString? = nil
    ) throws(APIError) -> Bool {
        guard let node = try optional(node, .boolean, at: path, field) else { return false }
        return kind(node) == .true
    }

    /// The whole number at `node`; nil when it is absent or null.
    func whole(
        _ node: JSONNode?, at path: FieldPath, _ field: StaticString? = nil
    ) throws(APIError) -> Int? {
        guard let node, !isNull(node) else { return nil }
        guard let value = integer(node) else { throw path.error(field, .notInteger) }
        return value
    }
}
