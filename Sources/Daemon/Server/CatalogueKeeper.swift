// Keeps the list of the upstream's models: from the state directory at the start, from the upstream
// when it is old. It runs on the first worker's loop, which serves clients meanwhile; all workers get
// what comes of it. Nothing waits for it: as long as there is no list, requests go on without one.
//
// It has no timer that wakes an idle machine: the daemon calls `refreshIfDue` as often as it tells
// the service manager that it lives.

import EventLoop
import Gateway
import Logging
import Translation
import Upstream

/// Fetches, keeps and hands out the catalogue.
final class CatalogueKeeper {
    private let loop: Loop
    private let client: UpstreamClient
    private let directory = StateDirectory()
    private let logger: Logger
    private let publish: (ModelCatalogue?) -> Void
    /// The first of its keys is asked with.
    private(set) var upstream: Upstream
    /// The age at which a list is fetched again; zero for never.
    private var refresh: Duration
    private var catalogue: ModelCatalogue?
    private var fetch: CatalogueFetch?
    private var transfer: Transfer?
    private var timeout: Timer?
    /// Lets the fetch go on in the next turn.
    private var turn: Timer?
    private var nextFetch: Duration = .zero
    /// How often fetching has failed since it last succeeded.
    private var failures = 0

    /// What a list may take to come.
    private static let fetchTimeMax = Duration.seconds(60)
    /// Far more than any list that has been seen (OpenRouter's has about a megabyte).
    private static let listBytesMax = 32 << 20

    init(
        of pool: UpstreamPool, on loop: Loop, client: UpstreamClient, refresh: Duration,
        logger: Logger, publish: @escaping (ModelCatalogue?) -> Void
    ) {
        self.loop = loop
        self.client = client
        upstream = pool.members[0]
        self.refresh = refresh
        self.logger = logger
        self.publish = publish
    }

    /// Takes what the last run has left, and asks the upstream if that is old.
    func start() {
        readFile()
        refreshIfDue()
    }

    /// Goes by other settings of the same upstream from now on.
    func apply(_ pool: UpstreamPool, refresh: Duration) {
        upstream = pool.members[0]
        self.refresh = refresh
        // What was in the way, such as the key, may be out of it now.
        if failures > 0 { nextFetch = .zero }
        failures = 0
        scheduleFetch()
        refreshIfDue()
    }

    /// Asks the upstream if the list is old, and nobody is asking already.
    ///
    /// - Returns: whether it is being asked.
    @discardableResult
    func refreshIfDue() -> Bool {
        guard fetch == nil else { return true }
        guard refresh > .zero, loop.now >= nextFetch, !upstream.lacksKey,
            !upstream.takesClientKeys
        else { return false }
        let fetch = CatalogueFetch(bytesMax: Self.listBytesMax) { [unowned self] in ended($0) }
        self.fetch = fetch
        // libcurl would hand over all that the socket has, a megabyte and more, within one turn. Not
        // at once: a timer of this very moment could come before the clients.
        let turn = Timer(on: loop) { [unowned self] in goOn() }
        self.turn = turn
        fetch.pause = { [unowned self] in turn.schedule(at: loop.now + .milliseconds(1)) }
        transfer = client.start(.models(of: upstream), owner: fetch)
        let timer = Timer(on: loop) { [unowned self] in
            endFetch(cancelling: true)
            failed("it did not come within \(Self.fetchTimeMax.text)")
        }
        timer.schedule(at: loop.now + Self.fetchTimeMax)
        timeout = timer
        return true
    }

    private func goOn() {
        guard let transfer else { return }
        if let reason = fetch?.verdict {
            endFetch(cancelling: true)
            return failed(reason)
        }
        fetch?.beginTurn()
        client.resume(transfer)
    }

    /// Asks for nothing more.
    func stop() { endFetch(cancelling: true) }

    /// What it is called in the log.
    private var name: String {
        let name = upstream.configuration.name
        return name == UpstreamConfiguration.mainName ? "the upstream" : "the upstream \(name)"
    }

    // MARK: The file

    private var fileName: String {
        ModelCatalogue.fileName(for: upstream.url.description)
    }

    private func readFile() {
        guard refresh > .zero else { return }
        let bytes: [UInt8]
        switch directory?.look(at: fileName, bytesMax: ModelCatalogue.fileBytesMax) {
        case .content(let content): bytes = content
        case .unfit(let reason):
            return logger.warning("\(fileName) in the state directory is not used: \(reason)")
        case .nothing, nil: return
        }
        guard let stored = ModelCatalogue(file: bytes, of: upstream.url.description) else {
            return logger.warning(
                "\(fileName) in the state directory is not what was written there; the list is fetched anew"
            )
        }
        logger.debug("\(stored.models.count) models are known from the last run")
        catalogue = stored
        publish(stored)
        scheduleFetch()
    }

    private func store(_ catalogue: ModelCatalogue) {
        let logger = logger
        directory?.replaceInBackground(
            fileName, with: { catalogue.file },
            failed: { reason in
                logger.warning(
                    "the list of models could not be written to the state directory: \(reason)")
            })
    }

    /// The list's age says when the next one is due. A list of the future is old: the clock was
    /// wrong.
    private func scheduleFetch() {
        guard let catalogue, failures == 0 else { return }
        let age = CalendarTime.now() - catalogue.fetchedAt
        let left = age < .zero ? .zero : refresh - age
        nextFetch = loop.now + max(.zero, left)
    }

    // MARK: The upstream's answer

    private func endFetch(cancelling: Bool) {
        if cancelling, let transfer { client.cancel(transfer) }
        transfer = nil
        fetch = nil
        timeout = nil
        turn = nil
    }

    private func ended(_ result: Result<[CatalogueModel], CatalogueFetch.Failure>) {
        endFetch(cancelling: false)
        switch result {
        case .success(let models):
            let made = ModelCatalogue(
                upstream: upstream.url.description,
                fetchedAt: CalendarTime.now(), models: models)
            logger.info("\(name) lists \(models.count) models")
            catalogue = made
            failures = 0
            scheduleFetch()
            publish(made)
            store(made)
        case .failure(let failure):
            failed(failure.reason)
        }
    }

    /// The old list stays. Tries again after a minute, two, four, … up to the usual interval.
    private func failed(_ reason: String) {
        failures += 1
        let pause = Duration.seconds(60) * (1 << min(failures - 1, 12))
        nextFetch = loop.now + min(pause, refresh)
        let consequence =
            catalogue == nil
            ? "limits and prices of models are not known" : "the old list stays in use"
        // Servers without such a list are no fault; the log tells once.
        logger.log(
            level: failures == 1 ? .notice : .debug,
            "\(name)'s list of models is not to be had: \(reason); \(consequence)")
    }
}

/// Receives one list.
private final class CatalogueFetch: TransferOwner {
    struct Failure: Error {
        let reason: String
    }

    private let bytesMax: Int
    private let ended: (Result<[CatalogueModel], Failure>) -> Void
    private var reader = ModelListReader()
    private var status = 0
    private var bytes = 0
    private var bytesOfTurn = 0
    /// Why nothing of the rest will be of use.
    private(set) var verdict: String?
    /// Called, within libcurl's callback, when enough was read for this turn, or at all.
    var pause: () -> Void = {}

    /// About a millisecond's work.
    private static let bytesPerTurn = 128 << 10

    init(bytesMax: Int, ended: @escaping (Result<[CatalogueModel], Failure>) -> Void) {
        self.bytesMax = bytesMax
        self.ended = ended
    }

    override func transferResponded(_ head: UpstreamHead) { status = head.status }

    func beginTurn() { bytesOfTurn = 0 }

    private var statusFault: String? { status == 200 ? nil : "HTTP \(status)" }

    override func transferReceived(_ piece: Span<UInt8>) -> Bool {
        verdict = statusFault
        if verdict == nil, bytes + piece.count > bytesMax {
            verdict = "it is larger than \(bytesMax >> 20) MiB"
        }
        guard verdict == nil, bytesOfTurn < Self.bytesPerTurn else {
            pause()
            return false
        }
        bytesOfTurn += piece.count
        bytes += piece.count
        reader.read(piece)
        return true
    }

    override func transferEnded(_ failure: TransferFailure?) {
        if let failure { return fail(failure.detail) }
        if let statusFault { return fail(statusFault) }
        guard reader.isComplete, !reader.models.isEmpty else {
            return fail("its \(bytes) bytes are no list of models")
        }
        ended(.success(reader.models))
    }

    private func fail(_ reason: String) { ended(.failure(Failure(reason: reason))) }
}
