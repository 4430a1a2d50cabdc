// The kind of a failure, from what the upstream reports: symbolic names before statuses, statuses before
// words. But a context that is too small is known by its words alone, since every server has another
// status for it.

extension UpstreamErrorReader {
    func kind(_ report: UpstreamErrorReport, status: Int, isPage: Bool) -> FailureKind {
        if overflow(report, status: status) != nil { return .contextTooLong }
        switch report.availabilityCode {
        case "model_not_found": return .modelMissing
        case "wrong_endpoint": return .requestFault
        case "temporarily_unavailable": return .overloaded
        default: break
        }
        if report.errorType == "provider_overloaded" { return .overloaded }
        switch status {
        case 401: return .keyRefused
        case 402: return .outOfCredit
        case 403: return forbidden(report, isPage: isPage)
        case 404: return .modelMissing
        case 408, 504, 524: return .timeout
        case 409: return .requestFault
        case 429: return report.code == "insufficient_quota" ? .outOfCredit : .rateLimited
        case 400...499: return badRequest(report)
        case 502: return .unavailable
        case 503, 529: return .overloaded
        default:
            if report.isMisdirected { return .misconfigured }
            if report.errorType == "timeout" { return .timeout }
            return report.errorType == "provider_unavailable" ? .unavailable : .internalFault
        }
    }

    private func badRequest(_ report: UpstreamErrorReport) -> FailureKind {
        if report.code == "model_not_found" { return .modelMissing }
        let refusals = ["content_policy_violation", "refusal", "content_filter"]
        let isOfContent = refusals.contains(report.errorType) || refusals.contains(report.code)
        return isOfContent || report.isAboutContent ? .contentRefused : .requestFault
    }

    /// A 403 is about the content, or a permission, or a region; a bare one is about our key. A page
    /// comes from something in between.
    private func forbidden(_ report: UpstreamErrorReport, isPage: Bool) -> FailureKind {
        if isPage { return .misconfigured }
        if report.isAboutContent || report.errorType == "content_policy_violation" {
            return .contentRefused
        }
        let words = Array(report.message.lowercased().utf8)
        let regions: [StaticString] = ["region", "country", "territory", "location"]
        let isRegional = regions.contains { words.firstOffset(of: $0) != nil }
        return isRegional || report.errorType == "permission_denied" ? .notPermitted : .keyRefused
    }
}
