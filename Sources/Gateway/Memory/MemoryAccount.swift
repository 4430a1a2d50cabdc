// What one session holds of the process's budget. It is taken in grants, so that the shared count is
// touched when a request begins and ends and now and then while it grows, never for a chunk.

/// The bytes that a session has been granted.
struct MemoryAccount {
    private(set) var granted = 0

    /// Grants are multiples of this while they are small, so that ten thousand small requests do not
    /// look like large ones, and of `largeGrant` beyond.
    private static let smallGrant = 16 << 10
    private static let largeGrant = 128 << 10

    /// Whether nothing has to be done for a session that holds `bytes`: enough is granted and not
    /// much too much. This is what a chunk costs.
    func covers(_ bytes: Int) -> Bool {
        bytes <= granted && granted &- bytes < 2 * Self.largeGrant
    }

    /// Takes or gives back what there is a difference of.
    ///
    /// - Parameter hold: changes the shared count and tells the total, or nil if there is no room.
    /// - Returns: false when there is no room; then nothing has changed.
    mutating func settle(at bytes: Int, _ hold: (_ change: Int, _ own: Int) -> Int?) -> Bool {
        let wanted = Self.grant(for: bytes)
        guard wanted != granted else { return true }
        guard hold(wanted - granted, wanted) != nil else { return false }
        granted = wanted
        return true
    }

    private static func grant(for bytes: Int) -> Int {
        let step = bytes <= largeGrant ? smallGrant : largeGrant
        return (bytes + step - 1) / step * step
    }
}
