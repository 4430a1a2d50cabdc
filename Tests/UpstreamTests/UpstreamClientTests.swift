// libcurl on a loop of ours, before simulators: what is kept for whom, and who may do what when.
import EventLoop
import Simulator
import Testing

@testable import Gateway
@testable import Upstream

@Suite struct UpstreamClientTests {
    // MARK: Handles and endpoints

    @Test func `a handle is used again for its endpoint and for no other`() throws {
        try withSimulator { simulator in
            let a = InProcess.upstream(port: simulator.port, name: "a")
            let b = InProcess.upstream(port: simulator.port, name: "b")
            let house = try InProcess([a, b])
            let first = house.answer("sim/echo", at: a).transfer
            #expect(house.answer("sim/echo", at: a).transfer === first)
            let second = house.answer("sim/echo", at: b).transfer
            #expect(second !== first && second.endpoint !== first.endpoint)
            #expect(house.answer("sim/echo", at: a).transfer === first)
            #expect(house.client.transferCount == 0)
        }
    }

    @Test func `upstreams with nothing of their own share an endpoint`() throws {
        try withSimulator { simulator in
            let a = InProcess.upstream(port: simulator.port)
            let b = InProcess.upstream(port: simulator.port)
            let house = try InProcess([a, b])
            let first = house.answer("sim/echo", at: a).transfer
            #expect(house.answer("sim/echo", at: b).transfer === first)
        }
    }

    @Test func `a reload that changes nothing keeps handles and connections`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (transfer, _) = house.answer("sim/echo", at: upstream)
            let lane = transfer.endpoint.lane
            let again = InProcess.upstream(port: simulator.port)
            house.client.serve([again])
            #expect(house.answer("sim/echo", at: again).transfer === transfer)
            #expect(lane != nil && transfer.endpoint.lane === lane)
        }
    }

    @Test func `a request in flight is answered to its end when a reload takes its upstream away`()
        throws
    {
        try withSimulator { simulator in
            let old = InProcess.upstream(port: simulator.port, name: "old")
            let new = InProcess.upstream(port: simulator.port, name: "new")
            let house = try InProcess([old])
            let whole = house.answer("sim/chunks;n=30", at: old).owner.text
            let (transfer, owner) = house.start("sim/chunks;n=30;delay=5ms", at: old)
            house.turn { !owner.text.isEmpty }
            let lane = transfer.lane
            house.client.serve([new])
            #expect(lane?.isSpent == true && lane === transfer.lane)
            let endpoint = house.answer("sim/echo", at: new).transfer.endpoint
            house.turn { owner.hasEnded }
            #expect(owner.failure == nil && length(owner.text) == length(whole))
            #expect(endpoint !== transfer.endpoint && transfer.endpoint.idle.isEmpty)
            // The same request asked again still goes where it was meant to go.
            let late = house.answer("sim/echo", at: old).transfer
            #expect(late.endpoint.key == transfer.endpoint.key)
            #expect(late.endpoint.idle.isEmpty && late.endpoint.lane == nil)
            #expect(house.client.transferCount == 0)
        }
    }

    /// Of an answer; ids differ.
    private func length(_ text: [UInt8]) -> Int {
        String(decoding: text, as: UTF8.self).split(separator: "\n\n").count
    }

    // MARK: Lanes

    @Test func `a time-out without a byte of an answer ends the lane`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (silent, unheard) = house.start("sim/slow-head;delay=60s", at: upstream)
            let (speaking, _) = house.start("sim/chunks;n=10;delay=5ms", at: upstream)
            let lane = try #require(silent.lane)
            #expect(speaking.lane === lane)
            house.turn { speaking.hasHeard }
            house.client.cancel(speaking, isTimeout: true)
            #expect(!lane.isSpent, "the connection of one who was heard is alive")
            house.client.cancel(silent, isTimeout: true)
            #expect(lane.isSpent && !unheard.hasEnded)
            let (next, owner) = house.start("sim/echo", at: upstream)
            #expect(next.lane !== lane)
            house.turn { owner.hasEnded }
            #expect(owner.failure == nil)
        }
    }

    @Test func `a connection that cannot be made ends the lane`() throws {
        var port = 0
        try withSimulator { port = $0.port }
        let upstream = InProcess.upstream(port: port)
        let house = try InProcess([upstream])
        let (transfer, owner) = house.start("sim/echo", at: upstream)
        let lane = try #require(transfer.lane)
        house.turn { owner.hasEnded }
        #expect(owner.failure?.kind == .connect)
        #expect(lane.isSpent && transfer.endpoint.lane == nil)
    }

    @Test func `a lane takes no more transfers when it is old or has long been unheard`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (transfer, owner) = house.start("sim/slow-head;delay=50ms", at: upstream)
            let lane = try #require(transfer.lane)
            let begun = house.loop.now
            #expect(lane.takesTransfers(at: begun + .seconds(14)))
            #expect(!lane.takesTransfers(at: begun + .seconds(16)))
            house.turn { owner.hasEnded }
            // Nothing is waited for.
            #expect(lane.takesTransfers(at: begun + .seconds(290)))
            // Names are resolved again.
            #expect(!lane.takesTransfers(at: begun + .seconds(301)))
            let now = house.loop.now
            #expect(!lane.isOver(at: now + .seconds(100)))
            #expect(lane.isOver(at: now + .seconds(120)))
            lane.hasDeadConnections = true
            #expect(lane.isOver(at: now))
        }
    }

    // MARK: Pauses

    @Test(arguments: [1, 400])
    func `a paused transfer gives nothing, and all of it after it is resumed`(_ size: Int) throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let model = "sim/burst;n=200;size=\(size)"
            let whole = house.answer(model, at: upstream).owner.text
            let (transfer, owner) = house.start(model, at: upstream)
            owner.takes = false
            house.turn { transfer.isPaused }
            let offers = owner.offers
            for _ in 0..<10 { house.loop.turn(waitingAtMost: .milliseconds(5)) }
            #expect(owner.offers == offers && owner.text.isEmpty && !owner.hasEnded)
            // Not ready after all: the same bytes wait.
            house.client.resume(transfer)
            #expect(owner.offers > offers && transfer.isPaused && owner.text.isEmpty)
            owner.takes = true
            house.client.resume(transfer)
            house.turn { owner.hasEnded }
            #expect(owner.failure == nil && length(owner.text) == length(whole))
        }
    }

    @Test func `a paused transfer can be cancelled, and its handle serves again`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (transfer, owner) = house.start("sim/burst;n=5000", at: upstream)
            owner.takes = false
            house.turn { transfer.isPaused }
            house.client.cancel(transfer)
            #expect(house.client.transferCount == 0)
            let (again, answer) = house.answer("sim/echo", at: upstream)
            #expect(again === transfer && !owner.hasEnded && !answer.text.isEmpty)
        }
    }

    @Test func `what is left of a released transfer is read, and its owner hears nothing`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (transfer, owner) = house.start("sim/chunks;n=5;delay=5ms", at: upstream)
            house.turn { !owner.text.isEmpty }
            let heard = owner.text.count
            house.client.release(transfer)
            house.turn { house.client.transferCount == 0 }
            #expect(owner.text.count == heard && !owner.hasEnded)
        }
    }

    // MARK: Within callbacks

    @Test func `the end of one transfer may cancel another and start a third`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (slow, unheard) = house.start("sim/slow-head;delay=60s", at: upstream)
            let (_, owner) = house.start("sim/echo", at: upstream)
            var third: Owner?
            owner.onEnd = {
                house.client.cancel(slow)
                third = house.start("sim/echo", at: upstream).1
            }
            house.turn { third?.hasEnded == true }
            #expect(third?.failure == nil && !unheard.hasEnded)
            #expect(house.client.transferCount == 0)
        }
    }

    @Test func `two that end in the same breath may cancel each other`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let pair = (0..<2).map { _ in house.start("sim/echo", at: upstream) }
            for (index, one) in pair.enumerated() {
                one.1.onEnd = { house.client.cancel(pair[1 - index].0) }
            }
            house.turn { house.client.transferCount == 0 }
            #expect(pair.count(where: { $0.1.hasEnded }) >= 1)
            _ = house.answer("sim/echo", at: upstream)
        }
    }

    @Test func `a transfer that has ended can be cancelled and resumed for nothing`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let transfer = house.answer("sim/echo", at: upstream).transfer
            house.client.cancel(transfer)
            house.client.resume(transfer)
            house.client.release(transfer)
            #expect(transfer.endpoint.idle.count { $0 === transfer } == 1)
        }
    }

    @Test func `a cancel within libcurl's callback ends the process rather than corrupt it`() async
    {
        await #expect(processExitsWith: .failure) {
            try withSimulator { simulator in
                let upstream = InProcess.upstream(port: simulator.port)
                let house = try InProcess([upstream])
                let (transfer, owner) = house.start("sim/chunks", at: upstream)
                owner.onBytes = { house.client.cancel(transfer) }
                house.turn { owner.hasEnded }
            }
        }
    }

    @Test func `a note taken in a callback is acted on at the turn's end`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (transfer, owner) = house.start("sim/chunks;n=1000;delay=5ms", at: upstream)
            var wantsCancel = false
            owner.onBytes = { wantsCancel = true }
            house.loop.addTurnEndHook { if wantsCancel { house.client.cancel(transfer) } }
            house.turn { wantsCancel && house.client.transferCount == 0 }
            #expect(!owner.hasEnded)
        }
    }

    @Test func `a large body is taken piece by piece, and arrives`() throws {
        try withSimulator { simulator in
            let upstream = InProcess.upstream(port: simulator.port)
            let house = try InProcess([upstream])
            let (_, owner) = house.start("sim/echo", at: upstream, padding: 500_000)
            house.turn { owner.hasEnded }
            #expect(owner.failure == nil && owner.status == 200)
            #expect(house.client.bodyReads > 1)
        }
    }
}
