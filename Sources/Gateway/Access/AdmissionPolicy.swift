// Which new connections get a place. A connection is a stranger until it has made a request that may be
// served; from then on it is a guest, and keeps its place until it ends. Strangers get what guests
// leave over, and never all of it. When there is no place left the oldest stranger goes: whoever means
// to use the proxy shows so at once, whoever holds a place without doing so loses it first, however
// often it asks for /health.

/// The places of client connections, for all loops together.
package struct AdmissionPolicy: Equatable, Sendable {
    /// Connections that have a place.
    package struct Tally: Equatable, Sendable {
        package var guests: Int
        package var strangers: Int
        /// Connections without a place, which get one short answer.
        package var turnedAway: Int

        package init(guests: Int, strangers: Int, turnedAway: Int) {
            self.guests = guests
            self.strangers = strangers
            self.turnedAway = turnedAway
        }
    }

    /// What becomes of a new connection.
    package enum Arrival: Equatable, Sendable {
        case seated
        /// It gets the place of the stranger that has waited longest, which is closed.
        case seatedForOldest
        /// It gets no place but one answer: why not, or what everybody is told.
        case turnedAway
        /// The same, once the connection that was turned away first is closed.
        case turnedAwayForOldest
    }

    let connectionsMax: Int

    package init(_ configuration: Configuration) {
        connectionsMax = configuration.connectionsMax
    }

    /// A quarter of the places is for guests alone.
    var strangersMax: Int { connectionsMax - connectionsMax / 4 }

    /// Decides on a new connection.
    ///
    /// - Parameter isHopeless: whether nothing that the peer shows could let it in.
    package func arrival(isHopeless: Bool, _ tally: Tally) -> Arrival {
        if !isHopeless {
            let isFull = tally.guests + tally.strangers >= connectionsMax
            if !isFull, tally.strangers < strangersMax { return .seated }
            if tally.strangers > 0 { return .seatedForOldest }
        }
        return tally.turnedAway < Limits.turnedAwayMax ? .turnedAway : .turnedAwayForOldest
    }

    /// Whether a connection without a place that turns out to be a guest's gets one. Strangers on
    /// other loops may hold those that are left; they are not worth waiting for.
    package func hasRoomForGuest(_ tally: Tally) -> Bool { tally.guests < connectionsMax }
}
