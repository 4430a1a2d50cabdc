// What connections may cost before they have shown that they may use the proxy, and who gets a place.

import Testing

@testable import Gateway

@Suite("Strangers") struct StrangerTests {
    static let remote = Peer(isLocal: false, name: "192.0.2.1")
    static let tokens = [
        (key: "OPENROUTER_API_KEY", value: "k"),
        (key: "CLAUDE_PROXY_CLIENT_TOKENS", value: "first-token-0123456789"),
    ]
    static let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    static let models = "GET /v1/models HTTP/1.1\r\nHost: a\r\n"

    // MARK: Sessions

    @Test func whoeverCanNeverBeServedGetsOneAnswer() throws {
        for (request, status) in [
            (Self.health, "200"), ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
            (Self.models + "\r\n", "403"), (Self.models + "x-api-key: k\r\n\r\n", "403"),
            (SessionDriver.request("/v1/messages", "{}"), "403"),
        ] {
            let driver = try SessionDriver(peer: Self.remote)
            driver.receive(request + Self.health)
            #expect(driver.text.hasPrefix("HTTP/1.1 \(status) "))
            #expect(driver.text.contains("Connection: close") && driver.isClosed)
            #expect(driver.text.components(of: "HTTP/1.1 ") == 1)
            #expect(!driver.isGuest)
        }
    }

    @Test func whoeverCanNeverBeServedHasASecond() throws {
        let silent = try SessionDriver(peer: Self.remote)
        silent.wait(.seconds(1))
        #expect(silent.isClosed && silent.output.isEmpty)
        let slow = try SessionDriver(peer: Self.remote)
        slow.receive("GET /hea")
        slow.wait(.seconds(1))
        #expect(slow.isClosed && slow.text.hasPrefix("HTTP/1.1 408 "))
    }

    @Test func withoutATokenTheTimeIsShortAndWithOneItIsNot() throws {
        let silent = try SessionDriver(Self.tokens, peer: Self.remote)
        silent.wait(.seconds(10))
        #expect(silent.isClosed)
        let healthy = try SessionDriver(Self.tokens, peer: Self.remote)
        healthy.receive(Self.health)
        healthy.output = []
        healthy.wait(.seconds(10))
        #expect(healthy.isClosed && !healthy.isGuest)
        let guest = try SessionDriver(Self.tokens, peer: Self.remote)
        guest.receive(Self.models + "x-api-key: first-token-0123456789\r\n\r\n")
        guest.output = []
        guest.wait(.seconds(74))
        #expect(!guest.isClosed && guest.isGuest)
        guest.wait(.seconds(1))
        #expect(guest.isClosed)
    }

    @Test func aLocalClientNeedsNoTokenAndHasItsTime() throws {
        let driver = try SessionDriver()
        driver.wait(.seconds(74))
        #expect(!driver.isClosed && !driver.isGuest)
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.isGuest)
    }

    @Test func aForwardedRequestMakesNoGuest() throws {
        let driver = try SessionDriver()
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\nVia: x\r\n\r\n")
        #expect(driver.text.hasPrefix("HTTP/1.1 200 ") && !driver.isGuest)
    }

    @Test func aStrangersSocketIsNotReadWhileARequestWaits() throws {
        let driver = try SessionDriver(Self.tokens, peer: Self.remote)
        driver.readsAtOnce = false
        driver.receive(Self.health)
        #expect(driver.actions.isEmpty)
        driver.receive(String(repeating: Self.health, count: 10))
        #expect(driver.actions == ["pause"] && driver.heldBytes < 1024)
        for _ in 0..<11 { driver.takeOutput() }
        #expect(driver.actions == ["pause", "resume"] && driver.heldBytes == 0)
    }

    // MARK: Places

    typealias Arrival = AdmissionPolicy.Arrival

    static func policy(_ most: Int) throws -> AdmissionPolicy {
        var configuration = Configuration()
        configuration.connectionsMax = most
        return AdmissionPolicy(configuration)
    }

    @Test(
        arguments: [
            // Places, guests, strangers, turned away, hopeless; what becomes of the next.
            (50, 0, 0, 0, false, Arrival.seated), (50, 0, 36, 0, false, .seated),
            (50, 0, 38, 0, false, .seatedForOldest), (50, 0, 50, 0, false, .seatedForOldest),
            (50, 49, 0, 0, false, .seated), (50, 49, 1, 0, false, .seatedForOldest),
            (50, 50, 0, 0, false, .turnedAway), (50, 50, 0, 256, false, .turnedAwayForOldest),
            (50, 0, 0, 0, true, .turnedAway), (50, 50, 0, 0, true, .turnedAway),
            (50, 0, 0, 256, true, .turnedAwayForOldest), (50, 0, 50, 256, false, .seatedForOldest),
            (1, 0, 0, 0, false, .seated), (1, 0, 1, 0, false, .seatedForOldest),
            (1, 1, 0, 0, false, .turnedAway), (2, 1, 0, 0, false, .seated),
        ] as [(Int, Int, Int, Int, Bool, Arrival)])
    func strangersGetWhatGuestsLeave(
        _ most: Int, _ guests: Int, _ strangers: Int, _ turnedAway: Int, _ isHopeless: Bool,
        _ expected: Arrival
    ) throws {
        let tally = AdmissionPolicy.Tally(
            guests: guests, strangers: strangers, turnedAway: turnedAway)
        #expect(try Self.policy(most).arrival(isHopeless: isHopeless, tally) == expected)
    }

    /// Any order of arrivals, recognitions and departures.
    @Test func noOrderOfComingsGivesStrangersTheGuestsPlaces() throws {
        var random = SystemRandomNumberGenerator()
        for most in [1, 2, 3, 50, 400] {
            let policy = try Self.policy(most)
            var tally = AdmissionPolicy.Tally(guests: 0, strangers: 0, turnedAway: 0)
            for _ in 0..<5000 {
                switch Int.random(in: 0..<8, using: &random) {
                case 0: if tally.guests > 0 { tally.guests -= 1 }
                case 1:
                    guard tally.turnedAway > 0, policy.hasRoomForGuest(tally) else { continue }
                    tally.turnedAway -= 1
                    tally.guests += 1
                case 2:
                    guard tally.strangers > 0 else { continue }
                    tally.strangers -= 1
                    tally.guests += 1
                default:
                    switch policy.arrival(isHopeless: Bool.random(), tally) {
                    case .seated: tally.strangers += 1
                    case .turnedAway: tally.turnedAway += 1
                    case .seatedForOldest: #expect(tally.strangers > 0)
                    case .turnedAwayForOldest: #expect(tally.turnedAway > 0)
                    }
                }
                #expect(tally.strangers <= policy.strangersMax)
                #expect(tally.turnedAway <= Limits.turnedAwayMax)
                #expect(tally.guests + tally.strangers <= most + Limits.turnedAwayMax)
            }
        }
    }
}
