// The daemon as a whole: it reads the configuration, opens the sockets, starts the workers, and then
// waits on the main thread for signals, which it turns into messages to the workers:
//
//   SIGTERM, SIGINT   drain: accept no more, let answers finish; a second one does not wait for them
//   SIGHUP            read the configuration again; a bad one changes nothing
//
// DaemonLifecycle decides what they mean when; here it is done.
// The first worker shares the main thread's loop. systemd is told of every step.

import CLinux
import EventLoop
package import Gateway
import Glibc
import Logging
import Synchronization
import Translation
import Upstream

/// Runs the proxy until it is told to stop.
package final class ProxyDaemon {
    private let files: ConfigurationFiles
    /// What the process runs with as far as a reload cannot change it.
    private let startConfiguration: Configuration
    private var settings: Settings
    /// The file that the configuration in use came from.
    private var file: ConfigurationFileAccount?
    private let version: String
    private let log: LogOutput
    private let logger: Logger
    private let manager = ServiceManager()
    private let counters = Counters()
    private let startedAt = Loop.clock()
    private let calibration: CalibrationKeeper
    private let lessons: LessonKeeper
    private let coolDowns: CoolDownKeeper
    private var configuration: Configuration { settings.configuration }
    private let memoryOfMachine = MemoryLimit.budget()
    private var lifecycle: DaemonLifecycle
    private var worker: Worker?
    private var catalogues: [CatalogueKeeper] = []
    private var mailboxes: [Mailbox<Worker.Message>] = []
    private var threads: [Thread] = []
    private var drainTimer: Timer?
    private var watchdogTimer: Timer?
    /// Calls of the upstream under way: when all workers were last counted, and while they are.
    private var callsOpen = 0
    private var callsCounted = 0
    private var reloads = 0
    /// What kept the last reload from changing anything, for the status line; nil if it did.
    private var reloadFailure: String?

    /// Time for the log's last lines to leave.
    private static let flushTime = Duration.seconds(1)
    /// Time for the last bytes of interrupted answers to leave.
    private static let interruptionTime = Duration.seconds(1)

    /// - Parameters:
    ///   - files: where the configuration came from, for reloads.
    ///   - resolution: the configuration to start with; it has no faults.
    package init?(files: ConfigurationFiles, resolution: Resolution, version: String) {
        guard let configuration = resolution.configuration else { return nil }
        guard let log = try? LogOutput(configuration) else { return nil }
        self.files = files
        let (key, isLasting) = InstallationKey.load(StateDirectory())
        startConfiguration = configuration
        settings = Settings(configuration, installationKey: key)
        file = resolution.file
        self.version = version
        self.log = log
        logger = log.logger
        lifecycle = DaemonLifecycle(workers: configuration.workers)
        if !isLasting, configuration.sealKey == nil {
            logger.info(
                """
                there is no state directory that can be written: reasoning in conversations from \
                before this start is left out
                """)
        }
        calibration = CalibrationKeeper(logger: logger)
        lessons = LessonKeeper(at: startedAt, logger: logger)
        coolDowns = CoolDownKeeper(settings, at: startedAt, logger: logger)
        for warning in resolution.warnings {
            logger.log(level: warning.severity == .warning ? .warning : .notice, "\(warning)")
        }
    }

    /// Serves. Returns when everything is answered after a signal to stop.
    ///
    /// - Parameter ready: called once with the addresses that are listened on.
    /// - Throws: a sentence for people when the daemon cannot start.
    package func run(ready: (([String]) -> Void)? = nil) throws(StartFailure) {
        defer { log.flush(within: Self.flushTime) }
        Self.hardenProcess()
        Self.boundAllocator(threads: configuration.workers)
        UpstreamClient.initializeLibrary()
        // With fewer descriptors the daemon serves fewer clients, and says so when it comes to that.
        _ = try? raiseDescriptorLimit()
        SignalSource.ignoreUnmeant()
        do {
            var listeners = try openListeners()
            let environment = environment()
            let worker = try Worker(environment, listeners: listeners) { [unowned self] in
                received($0)
            }
            self.worker = worker
            let signals = try SignalSource([SIGTERM, SIGINT, SIGHUP], on: worker.loop) {
                [unowned self] in
                signalReceived($0)
            }
            defer { withExtendedLifetime(signals) {} }
            try log.start()
            manager.attach(to: worker.loop)
            try startWorkers(environment, listeners: listeners, reportingTo: worker.loop)
            announce(listeners)
            if let ready {
                log.flush(within: Self.flushTime)
                ready(listeners.map { "\($0.address)" })
            }
            // From here on only the workers hold them: a drain closes them, and new clients are
            // refused rather than left waiting.
            listeners = []
            startWatchdog(on: worker.loop)
            startCatalogue(on: worker)
            worker.loop.run()
            for thread in threads { thread.join() }
            calibration.save()
            lessons.save(at: worker.loop.now)
            coolDowns.save(at: worker.loop.now)
            logger.notice("stopped", metadata: ["MESSAGE_ID": .string(MessageID.stopping)])
        } catch let error as ListenerError {
            throw StartFailure(
                description: error.description, isOfConfiguration: error.isOfConfiguration)
        } catch {
            throw StartFailure(description: "\(error)", isOfConfiguration: false)
        }
    }

    // MARK: Start

    /// No core dump may hold the key or a conversation, and no debugger of the same user may look.
    private static func hardenProcess() {
        _ = linux_prctl(PR_SET_DUMPABLE, 0)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        // SAFETY: the kernel reads the local value.
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    }

    /// Has large buffers, which are those of request bodies, come from the kernel and go back to it.
    /// glibc would raise the limit to 32 MiB when the first of them is freed, put later ones on its
    /// heap, and never give a heap back from within: ten requests of 7 MiB then left 27 MiB behind,
    /// with this 1.5 MiB. A stream's buffers are smaller than the limit.
    ///
    /// A thread's heap is found by looking round among a few: each that is used keeps its peak.
    private static func boundAllocator(threads: Int) {
        _ = mallopt(M_ARENA_MAX, CInt(threads + 1))
        _ = mallopt(M_MMAP_THRESHOLD, 512 << 10)
        _ = mallopt(M_TRIM_THRESHOLD, 1 << 20)
    }

    /// The sockets that systemd hands over, else those that the configuration names.
    private func openListeners() throws -> [Listener] {
        let (inherited, others) = manager.takeListeningDescriptors()
        for number in others {
            logger.warning(
                "the descriptor \(number) that was handed over (LISTEN_FDS) is no listening stream socket, and is not used; a socket unit for this service has ListenStream= and Accept=no"
            )
        }
        guard inherited.isEmpty else {
            return try inherited.map { try Listener(adopting: Descriptor(owning: $0)) }
        }
        return try configuration.listenAddresses.map { specification in
            try Listener(on: ListenAddress(specification.description))
        }
    }

    private func environment() -> WorkerEnvironment {
        let proxies = ProxyEnvironment { [files] name in
            // The demonstration asks nobody but its own upstream.
            guard !files.isDemonstration else { return nil }
            return unsafe getenv(name).map { unsafe String(cString: $0) }
        }
        for fault in proxies.faults { logger.error("\(fault)") }
        return WorkerEnvironment(
            settings: settings, workerCount: configuration.workers,
            counters: counters, log: log, logger: logger,
            version: version, startedAt: startedAt,
            proxies: proxies, calibration: calibration.calibration,
            lessons: lessons.book.lessons, routing: coolDowns.routing,
            ownerSeed: Worker.randomSeed(), memoryOfMachine: memoryOfMachine)
    }

    /// Starts the workers that have a thread of their own, and the first one's mailbox.
    private func startWorkers(
        _ environment: WorkerEnvironment, listeners: [Listener], reportingTo loop: Loop
    ) throws(SystemError) {
        let reports = try Mailbox<Worker.Report>()
        try reports.attach(to: loop) { [unowned self] in received($0) }
        for index in 0..<environment.workerCount {
            let mailbox = try Mailbox<Worker.Message>()
            mailboxes.append(mailbox)
            guard index > 0 else {
                try mailbox.attach(to: loop) { [unowned self] in worker?.receive($0) }
                continue
            }
            let (log, logger) = (log, logger)
            let share = ListenerShare(listeners)
            threads.append(
                try Thread(named: "worker-\(index)") {
                    do throws(SystemError) {
                        let worker = try Worker(environment, listeners: share.take()) {
                            reports.send($0)
                        }
                        try mailbox.attach(to: worker.loop) { worker.receive($0) }
                        worker.loop.run()
                    } catch {
                        // Without its loop a worker cannot even be told to end.
                        logger.critical("a worker could not start: \(error)")
                        log.flush(within: Self.flushTime)
                        exit(1)
                    }
                })
        }
    }

    /// Looks after the list of models, once the daemon serves.
    private func startCatalogue(on worker: Worker) {
        for pool in settings.pools { startCatalogue(of: pool, on: worker) }
    }

    private func startCatalogue(of pool: UpstreamPool, on worker: Worker) {
        let url = pool.url.description
        guard !catalogues.contains(where: { $0.upstream.url == pool.url }) else { return }
        let keeper = CatalogueKeeper(
            of: pool, on: worker.loop, client: worker.upstream,
            refresh: configuration.modelsRefresh, logger: logger
        ) { [unowned self] catalogue in
            for mailbox in mailboxes { mailbox.send(.know(catalogue, of: url)) }
        }
        catalogues.append(keeper)
        keeper.start()
    }

    /// Goes by other settings: keeps the lists of upstreams that are still there.
    private func updateCatalogues() {
        guard let worker else { return }
        catalogues.removeAll { keeper in
            guard let pool = settings.pools.first(where: { $0.url == keeper.upstream.url }) else {
                keeper.stop()
                return true
            }
            keeper.apply(pool, refresh: configuration.modelsRefresh)
            return false
        }
        startCatalogue(on: worker)
    }

    private func announce(_ listeners: [Listener]) {
        let count = settings.pools.count - 1
        let others = count == 0 ? "" : " and \(count) more upstream\(count == 1 ? "" : "s")"
        let text =
            "listening on \(listeners.map { "\($0.address)" }.joined(separator: ", ")); "
            + "asking \(configuration.defaultChain) at \(configuration.upstreamURL)\(others); "
            + "serving \(Self.audience(configuration)); "
            + "holding up to \(memoryBudget.bytes >> 20) MiB of requests and answers"
        logger.notice(
            "claude-proxy \(version) \(text)", metadata: ["MESSAGE_ID": .string(MessageID.started)])
        if configuration.memoryBudget == nil,
            memoryBudget.bodyBytesMax < configuration.bodyBytesMax
        {
            logger.notice(
                """
                the service's memory has room for bodies of \(memoryBudget.bodyBytesMax >> 20) MiB, \
                fewer than CLAUDE_PROXY_MAX_BODY allows; larger ones are answered with 413
                """)
        }
        manager.ready(status: statusLine)
    }

    private var memoryBudget: MemoryBudget {
        MemoryBudget(bytes: configuration.memoryBudget ?? memoryOfMachine)
    }

    private static func audience(_ configuration: Configuration) -> String {
        switch configuration.access {
        case .loopback: "clients on this machine only"
        case .token: "clients with one of \(configuration.clientTokens.count) tokens"
        case .open: "everybody who can reach it"
        }
    }

    /// What `systemctl status` shows.
    private var statusLine: String {
        let requests = counters.requests.load(ordering: .relaxed)
        let connections = counters.connectionsOpen.load(ordering: .relaxed)
        let failures = counters.failures.load(ordering: .relaxed)
        var text = reloadFailure.map { "The configuration was not reloaded (\($0)); " } ?? ""
        if settings.upstream.lacksKey {
            text += "No OPENROUTER_API_KEY is set: put it into config.env and reload; "
        }
        text += "\(callsOpen) answers under way, \(connections) connections, "
        text += "\(requests) requests, \(failures) failed"
        if let failure = counters.lastFailure.withLock({ $0 }) {
            text += "; last: \(failure.kind)"
            if failure.status > 0 { text += ", HTTP \(failure.status)" }
            switch failure.upstream {
            case "": break
            case UpstreamConfiguration.mainName:
                text += ", of a request for \(configuration.upstreamURL.host)"
            default: text += ", of a request for the upstream \(failure.upstream)"
            }
        }
        return text + upstreamsInTrouble
    }

    /// The upstreams that are left alone, altogether or in part.
    private var upstreamsInTrouble: String {
        let now = Loop.clock()
        let words = settings.pools.compactMap { pool -> String? in
            let state = coolDowns.routing.withLock { $0.state(of: pool, at: now) }
            return state == "healthy" || state == "no_key" ? nil : "\(pool.name) is \(state)"
        }
        return words.isEmpty ? "" : "; " + words.joined(separator: ", ")
    }

    // MARK: Signals

    private func signalReceived(_ signal: CInt) {
        switch signal {
        case SIGHUP: perform(lifecycle.reloadRequested())
        default: perform(lifecycle.stopRequested())
        }
    }

    private func perform(_ action: DaemonLifecycle.Action?) {
        switch action {
        case .reload: reload()
        case .endReload(let isApplied): endReload(isApplied: isApplied)
        case .drain: drain()
        case .interrupt: interrupt()
        case .stop: for mailbox in mailboxes { mailbox.send(.stop) }
        case .abandon:
            // Whoever does not read even now has lost the end of its answer.
            logger.warning("stopping: some clients did not take the end of their answers")
            log.flush(within: Self.flushTime)
            exit(0)
        case nil: break
        }
    }

    private func reload() {
        manager.reloading(now: Loop.clock())
        let resolution = files.load().keeping(file)
        guard let new = resolution.configuration else {
            let faults = resolution.faults.map(\.description).joined(separator: "; ")
            // The status shows no values: every user of the machine reads it.
            let keys = Set(resolution.faults.compactMap(\.key)).sorted()
            reloadFailure = (keys + ["see the log"]).joined(separator: ", ")
            logger.error(
                "the configuration was not reloaded, the old one stays: \(faults)",
                metadata: ["MESSAGE_ID": .string(MessageID.reloadFailed)])
            if !withdrawTrust(resolution) { perform(lifecycle.reloadFailed()) }
            return
        }
        settings = Settings(new, replacing: settings)
        file = resolution.file
        reloadFailure = nil
        for warning in resolution.warnings where warning.severity == .warning {
            logger.warning("\(warning)")
        }
        apply(settings, isReloaded: true)
        coolDowns.routing.withLock { $0.settingsChanged() }
        updateCatalogues()
    }

    /// Whoever takes the last certificate out of the file wants it no longer trusted, whatever else is
    /// wrong with the configuration.
    ///
    /// - Returns: whether the workers have to hear of it; the reload ends when they have.
    private func withdrawTrust(_ resolution: Resolution) -> Bool {
        let untrusting = configuration.withdrawing(resolution.emptiedCAFiles)
        guard untrusting != configuration else { return false }
        settings = Settings(untrusting, replacing: settings)
        let paths = resolution.emptiedCAFiles.sorted().joined(separator: ", ")
        logger.error("no certificate of the upstream is trusted until \(paths) holds one again")
        apply(settings, isReloaded: false)
        return true
    }

    /// Has the workers serve by other settings; the reload ends when they do.
    private func apply(_ settings: Settings, isReloaded: Bool) {
        lifecycle.reloadBegan(isApplied: isReloaded)
        // The first worker at once: the catalogue asks through its client.
        worker?.receive(.apply(settings))
        for mailbox in mailboxes.dropFirst() { mailbox.send(.apply(settings)) }
    }

    /// Every worker serves by the new configuration, or all go on with the old one.
    private func endReload(isApplied: Bool) {
        reloads += 1
        if isApplied { tellOfReload() }
        manager.ready(status: statusLine)
        ReloadMark.leave(reloads, isApplied: isApplied)
    }

    private func tellOfReload() {
        let pending = Configuration.changesNeedingRestart(
            from: startConfiguration, to: configuration)
        let note =
            pending.isEmpty ? "" : "; a restart is needed for \(pending.joined(separator: ", "))"
        // Told by the old settings of the log, or else by the new ones, if only those show it.
        if log.level > .notice { log.apply(configuration) }
        logger.notice(
            "the configuration was reloaded\(note)",
            metadata: ["MESSAGE_ID": .string(MessageID.reloaded)])
        log.apply(configuration)
    }

    private func drain() {
        for catalogue in catalogues { catalogue.stop() }
        logger.notice(
            "stopping: answers under way have \(configuration.drainTimeout.text) to finish",
            metadata: ["MESSAGE_ID": .string(MessageID.stopping)])
        manager.stopping(status: "Finishing the answers under way")
        for mailbox in mailboxes { mailbox.send(.drain) }
        setDrainTimer(after: configuration.drainTimeout)
    }

    /// The rest of the answers become errors that clients retry.
    private func interrupt() {
        logger.warning("stopping: answers under way are ended with an error")
        for mailbox in mailboxes { mailbox.send(.interrupt) }
        setDrainTimer(after: Self.interruptionTime)
    }

    private func setDrainTimer(after time: Duration) {
        guard let loop = worker?.loop else { return }
        let timer = Timer(on: loop) { [unowned self] in perform(lifecycle.timeIsOver()) }
        timer.schedule(at: loop.now + time)
        drainTimer = timer
    }

    private func received(_ report: Worker.Report) {
        switch report {
        case .drained: perform(lifecycle.workerDrained())
        case .applied: perform(lifecycle.workerApplied())
        case .alive(let round, let calls):
            callsCounted += calls
            // Only when every loop turns does the daemon live.
            guard lifecycle.workerIsAlive(round: round) else { return }
            callsOpen = callsCounted
            manager.watchdog()
            if lifecycle.isServing { manager.status(statusLine) }
        case .observed(let observation):
            calibration.learn(observation)
            for mailbox in mailboxes { mailbox.send(.learn(observation)) }
        case .taught(let lessons):
            self.lessons.learn(lessons)
            for mailbox in mailboxes { mailbox.send(.remember(lessons)) }
        }
    }

    /// One list at a time: several at once would take the loop from the clients.
    private func refreshCatalogue() {
        for catalogue in catalogues where catalogue.refreshIfDue() { return }
    }

    // MARK: Watchdog

    /// Tells systemd regularly that all loops turn, and what they do.
    private func startWatchdog(on loop: Loop) {
        let period = manager.watchdogPeriod ?? .seconds(10)
        let timer = Timer(on: loop) { [unowned self] in
            callsCounted = 0
            let round = lifecycle.signsRequested()
            for mailbox in mailboxes { mailbox.send(.ping(round: round)) }
            if lifecycle.isServing { refreshCatalogue() }
            calibration.saveIfDue(at: loop.now)
            lessons.saveIfDue(at: loop.now)
            coolDowns.saveIfDue(at: loop.now)
            watchdogTimer?.schedule(at: loop.now + period)
        }
        timer.schedule(at: loop.now + period)
        watchdogTimer = timer
    }
}

/// Carries listeners into a thread without staying behind: what a closure captures lives as long as
/// the thread does.
private final class ListenerShare: Sendable {
    private let listeners: Mutex<[Listener]>

    init(_ listeners: [Listener]) { self.listeners = Mutex(listeners) }

    func take() -> [Listener] {
        listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
    }
}

/// Why the daemon did not start, in a sentence for people.
package struct StartFailure: Error, CustomStringConvertible {
    package let description: String
    /// Whether only another configuration helps, and no second try.
    package let isOfConfiguration: Bool
}
