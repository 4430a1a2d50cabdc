// The daemon's phases: signals, reloads, workers' reports, signs of life.
import Testing

@testable import Daemon

@Suite struct DaemonLifecycleTests {
    @Test func `a reload ends when every worker serves by it`() {
        var daemon = DaemonLifecycle(workers: 2)
        #expect(daemon.reloadRequested() == .reload)
        daemon.reloadBegan()
        #expect(daemon.workerApplied() == nil)
        #expect(daemon.workerApplied() == .endReload(isApplied: true))
    }

    @Test func `a refused reload ends at once and changes nothing`() {
        let daemon = DaemonLifecycle(workers: 2)
        #expect(daemon.reloadFailed() == .endReload(isApplied: false))
        #expect(daemon.reloadRequested() == .reload)
    }

    @Test func `settings that count although the reload is refused are waited for`() {
        var daemon = DaemonLifecycle(workers: 1)
        daemon.reloadBegan(isApplied: false)
        #expect(daemon.workerApplied() == .endReload(isApplied: false))
        daemon.reloadBegan()
        #expect(daemon.workerApplied() == .endReload(isApplied: true))
    }

    @Test func `reloads that overlap end together`() {
        var daemon = DaemonLifecycle(workers: 2)
        daemon.reloadBegan()
        #expect(daemon.workerApplied() == nil)
        daemon.reloadBegan()
        #expect(daemon.workerApplied() == nil)
        #expect(daemon.workerApplied() == nil)
        #expect(daemon.workerApplied() == .endReload(isApplied: true))
    }

    @Test func `the first signal drains, and the last worker stops the loops`() {
        var daemon = DaemonLifecycle(workers: 2)
        #expect(daemon.stopRequested() == .drain)
        #expect(!daemon.isServing)
        #expect(daemon.workerDrained() == nil)
        #expect(daemon.workerDrained() == .stop)
        #expect(daemon.stopRequested() == nil)
    }

    @Test func `a second signal does not wait, a third changes nothing`() {
        var daemon = DaemonLifecycle(workers: 2)
        _ = daemon.stopRequested()
        #expect(daemon.workerDrained() == nil)
        #expect(daemon.stopRequested() == .interrupt)
        #expect(daemon.stopRequested() == nil)
        #expect(daemon.workerDrained() == .stop)
    }

    @Test func `time that is over interrupts, and then abandons`() {
        var daemon = DaemonLifecycle(workers: 1)
        _ = daemon.stopRequested()
        #expect(daemon.timeIsOver() == .interrupt)
        #expect(daemon.timeIsOver() == .abandon)
        #expect(daemon.workerDrained() == nil)
        #expect(daemon.timeIsOver() == nil)
    }

    @Test func `a time limit that races with the last worker does nothing`() {
        var daemon = DaemonLifecycle(workers: 1)
        _ = daemon.stopRequested()
        #expect(daemon.workerDrained() == .stop)
        #expect(daemon.timeIsOver() == nil)
    }

    @Test func `a daemon that ends reads no configuration, and ends the reload without a word`() {
        var daemon = DaemonLifecycle(workers: 1)
        daemon.reloadBegan()
        _ = daemon.stopRequested()
        #expect(daemon.reloadRequested() == nil)
        #expect(daemon.workerApplied() == nil)
    }

    @Test func `the daemon lives when all workers have answered the newest question`() {
        var daemon = DaemonLifecycle(workers: 2)
        let first = daemon.signsRequested()
        #expect(daemon.workerIsAlive(round: first) == false)
        // The second worker is late: its old answer does not speak for the new question.
        let second = daemon.signsRequested()
        #expect(daemon.workerIsAlive(round: first) == false)
        #expect(daemon.workerIsAlive(round: second) == false)
        #expect(daemon.workerIsAlive(round: second) == true)
    }

    @Test func `what cannot happen ends the process`() async {
        await #expect(processExitsWith: .failure) { _ = DaemonLifecycle(workers: 0) }
        await #expect(processExitsWith: .failure) {
            var daemon = DaemonLifecycle(workers: 1)
            _ = daemon.workerApplied()
        }
        await #expect(processExitsWith: .failure) {
            var daemon = DaemonLifecycle(workers: 1)
            _ = daemon.workerDrained()
        }
        await #expect(processExitsWith: .failure) {
            var daemon = DaemonLifecycle(workers: 1)
            _ = daemon.timeIsOver()
        }
    }
}
