// The query of GET /v1/models: which page of the list (`limit`, `after_id`, `before_id`).

import HTTP1
import Translation

/// A page that is asked for.
struct ModelListQuery: Equatable {
    /// Everything when it is not given: a list in memory needs no pages.
    var limit: Int?
    var afterID: String?
    var beforeID: String?

    /// Anthropic's limit.
    private static let limitMax = 1000

    /// - Parameter query: as it stands in the request target, without the `?`.
    /// - Throws: a 400 when a parameter has no meaning. Unknown ones are ignored.
    init(_ query: [UInt8]) throws(APIError) {
        for part in query.split(separator: UInt8(ascii: "&")) {
            let name = part.prefix { $0 != UInt8(ascii: "=") }
            guard let value = PercentEncoding.decode(part.dropFirst(name.count + 1)) else {
                continue
            }
            let text = String(decoding: value, as: UTF8.self)
            if name.elementsEqual("limit".utf8) {
                guard let number = Int(text), 1...Self.limitMax ~= number else {
                    throw .invalidRequest("limit: Input should be from 1 to \(Self.limitMax)")
                }
                limit = number
            } else if name.elementsEqual("after_id".utf8), !text.isEmpty {
                afterID = text
            } else if name.elementsEqual("before_id".utf8), !text.isEmpty {
                beforeID = text
            }
        }
        guard afterID == nil || beforeID == nil else {
            throw .invalidRequest("after_id and before_id cannot be given together")
        }
    }

    /// The indexes of the page.
    func page(of models: [ModelListing.Model]) throws(APIError) -> Range<Int> {
        let limit = limit ?? models.count
        if let beforeID {
            guard let end = models.firstIndex(where: { $0.id == beforeID }) else {
                throw .invalidRequest("before_id: no model of this id is listed")
            }
            return max(0, end - limit)..<end
        }
        var start = 0
        if let afterID {
            guard let index = models.firstIndex(where: { $0.id == afterID }) else {
                throw .invalidRequest("after_id: no model of this id is listed")
            }
            start = index + 1
        }
        return start..<min(models.count, start + limit)
    }
}
