// Taking elements out of a list, or members out of an object, together with the commas that part them.

/// The elements of a list, some of which are to go.
struct ElementList {
    struct Element {
        var node: JSONNode
        var isKept = true
    }

    var elements: [Element] = []

    init(_ document: JSONDocument, _ list: JSONNode) {
        var cursor = document.elements(of: list)
        while let node = document.next(&cursor) { elements.append(Element(node: node)) }
    }

    func remove(from document: JSONDocument, into edits: inout JSONEdits) {
        JSONEdits.remove(
            elements.map { (document.literal($0.node), $0.isKept) }, into: &edits)
    }
}

/// The members of an object, some of which are to go.
struct MemberList {
    struct Member {
        var key: JSONNode
        var value: JSONNode
        var isKept = true
    }

    var members: [Member] = []

    init(_ document: JSONDocument, _ object: JSONNode) {
        var cursor = document.members(of: object)
        while let (key, value) = document.next(&cursor) {
            members.append(Member(key: key, value: value))
        }
    }

    func remove(from document: JSONDocument, into edits: inout JSONEdits) {
        let parts = members.map { member in
            let start = document.literal(member.key).lowerBound
            return (start..<document.literal(member.value).upperBound, member.isKept)
        }
        JSONEdits.remove(parts, into: &edits)
    }
}

extension JSONEdits {
    /// Removes those of `parts`, which stand in order with a comma after each but the last, that are
    /// not kept.
    static func remove(
        _ parts: [(range: Range<Int>, isKept: Bool)], into edits: inout JSONEdits
    ) {
        let lastKept = parts.lastIndex { $0.isKept } ?? -1
        for index in parts.indices where index < lastKept && !parts[index].isKept {
            edits.remove(parts[index].range.lowerBound..<parts[index + 1].range.lowerBound)
        }
        guard let last = parts.last, lastKept < parts.count - 1 else { return }
        let start =
            lastKept < 0 ? parts[0].range.lowerBound : parts[lastKept].range.upperBound
        edits.remove(start..<last.range.upperBound)
    }
}
