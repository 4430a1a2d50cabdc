// Durations as people read them.

extension Duration {
    /// Seconds, with as many digits behind the point as are needed: `30 s`, `0.25 s`.
    package var text: String {
        let seconds = self / .seconds(1)
        return seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}
