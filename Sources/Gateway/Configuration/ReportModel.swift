// Which model id a response carries: clients know Anthropic's ids and may refuse, or price by,
// others, so by default they see one they know.

/// The model id that responses report.
package enum ReportModel: Sendable, Equatable {
    /// Always this id.
    case fixed(String)
    /// The id of the request.
    case requested
    /// The id that the upstream reports.
    case upstream
}

extension ReportModel: CustomStringConvertible {
    /// The value as an administrator writes it.
    package var description: String {
        switch self {
        case .fixed(let model): model
        case .requested: "requested"
        case .upstream: "upstream"
        }
    }
}
