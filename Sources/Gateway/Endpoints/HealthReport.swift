// GET /health: whether the daemon can serve, for people and for load balancers.

import Translation

enum HealthReport {
    /// - Parameters:
    ///   - uptime: since the daemon was started.
    ///   - timeOfDay: since 1970, for the age of the catalogue.
    ///   - usage: nil for who has no business with it, nor with the models that are in use.
    static func body(
        _ configuration: Configuration, version: String, uptime: Duration, isDraining: Bool,
        catalogue: ModelCatalogue?, timeOfDay: Duration, usage: UsageTotals?,
        calibration: TokenCalibration, lessons: UpstreamLessons, at now: MonotonicTime
    ) -> [UInt8] {
        let hasKey = configuration.upstreamKey != nil
        let isUsable = !configuration.lacksKey
        var body: [UInt8] = []
        body.append(#"{"status":""#)
        body.append(isDraining ? "draining" : isUsable ? "healthy" : "degraded")
        body.append(#"","openrouter":""#)
        body.append(hasKey ? "configured" : isUsable ? "not_used" : "no_api_key")
        body.append(#"","upstream":"#)
        body.append(jsonString: configuration.upstreamURL.description)
        body.append(#","model":"#)
        body.append(jsonString: configuration.defaultModel)
        body.append(#","version":"#)
        body.append(jsonString: version)
        body.append(#","uptime_seconds":"#)
        body.append(decimal: Int(uptime.components.seconds))
        body.append(#","models":"#)
        body.append(decimal: catalogue?.models.count ?? 0)
        if let catalogue {
            let age = timeOfDay - catalogue.fetchedAt
            body.append(#","models_age_seconds":"#)
            body.append(decimal: max(0, Int(age.components.seconds)))
        }
        if let usage {
            body.append(#","usage":"#)
            usage.write(into: &body)
            body.append(#","token_calibration":"#)
            calibration.write(into: &body)
            body.append(#","lessons":"#)
            lessons.write(into: &body, at: now)
        }
        body.append("}")
        return body
    }
}
