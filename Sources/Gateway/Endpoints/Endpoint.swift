// Which endpoint a request is for: by method and exact path. No normalising and no decoding before
// the match, so that a path means the same here as in whatever stands in front of us. Queries do not
// count: clients send `?beta=true`.

import HTTP1

/// An endpoint with what its path carries.
enum Endpoint: Equatable {
    case messages
    case countTokens
    case models
    /// The id as it stands in the path, still percent-encoded.
    case model(id: [UInt8])
    case health
    /// HEAD of anything: clients probe with it.
    case probe

    enum Match: Equatable {
        case route(Endpoint)
        case notFound
        /// `allow` is the value of the Allow field.
        case methodNotAllowed(allow: StaticString)

        static func == (left: Match, right: Match) -> Bool {
            switch (left, right) {
            case (.route(let a), .route(let b)): a == b
            case (.notFound, .notFound): true
            case (.methodNotAllowed(let a), .methodNotAllowed(let b)):
                a.description == b.description
            default: false
            }
        }
    }

    /// - Parameter path: the target's path, without the query.
    static func match(_ method: RequestMethod, path: [UInt8]) -> Match {
        if method == .head { return .route(.probe) }
        // A base URL that ends in /v1 makes clients ask for /v1/v1/messages.
        let path = path.starts(with: "/v1/v1/".utf8) ? path.dropFirst(3) : path[...]
        let route: Endpoint
        if path.elementsEqual("/v1/messages".utf8) {
            route = .messages
        } else if path.elementsEqual("/v1/messages/count_tokens".utf8) {
            route = .countTokens
        } else if path.elementsEqual("/v1/models".utf8) {
            route = .models
        } else if path.elementsEqual("/health".utf8) {
            route = .health
        } else if path.starts(with: "/v1/models/".utf8), path.count > 11 {
            route = .model(id: Array(path.dropFirst(11)))
        } else {
            return .notFound
        }
        switch route {
        case .messages, .countTokens:
            return method == .post ? .route(route) : .methodNotAllowed(allow: "POST, HEAD")
        case .models, .model, .health:
            return method == .get ? .route(route) : .methodNotAllowed(allow: "GET, HEAD")
        case .probe:
            return .route(.probe)
        }
    }
}
