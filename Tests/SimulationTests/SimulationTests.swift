// Runs of the simulation that once broke a rule, and one that meets most of what there is to meet.
// `make simulate` makes new ones.

import Simulation
import TestSupport
import Testing

@Suite("Simulation") struct SimulationTests {
    @Test("A run breaks no rule", arguments: [1, 2, 3] as [UInt64])
    func seeds(_ seed: UInt64) throws {
        let world = try World(seed: seed)
        try world.run(steps: max(8000, rounds(20_000)))
        #expect(world.coverage[.streamCompleted] > 0)
    }
}
