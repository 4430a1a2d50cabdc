// A file of the state directory whose content is kept in memory, read at the start and written now and
// then. Without a state directory the content lives as long as the process.

import EventLoop
import Gateway
import Logging

/// Reads and writes one file of the state directory.
struct StateFile {
    let name: String
    let bytesMax: Int
    /// The least time between two writes: what a crash costs is what was learnt in it.
    let savePeriod: Duration
    /// What happens without the file, for the log.
    let consequence: String
    let logger: Logger
    private let directory = StateDirectory()
    private var savedAt: Duration = .zero

    init(
        _ name: String, bytesMax: Int, savePeriod: Duration, consequence: String, logger: Logger
    ) {
        self.name = name
        self.bytesMax = bytesMax
        self.savePeriod = savePeriod
        self.consequence = consequence
        self.logger = logger
    }

    /// What the last run has left.
    ///
    /// - Parameter decode: returns nil for bytes that were not written here.
    func load<Content>(_ decode: ([UInt8]) -> Content?) -> Content? {
        switch directory?.look(at: name, bytesMax: bytesMax) {
        case .content(let bytes):
            if let content = decode(bytes) { return content }
            logger.warning(
                "\(name) in the state directory is not what was written there; \(consequence)")
        case .unfit(let reason):
            logger.warning(
                "\(name) in the state directory is not used: \(reason); \(consequence)")
        case .nothing, nil: break
        }
        return nil
    }

    /// Whether there is a directory, and it is time to write again.
    func isDue(at now: Duration) -> Bool { directory != nil && now - savedAt >= savePeriod }

    /// Writes the file on a thread of its own, where `bytes` is called.
    mutating func saveInBackground(at now: Duration, _ bytes: @escaping @Sendable () -> [UInt8]) {
        savedAt = now
        directory?.replaceInBackground(
            name, with: bytes, failed: { [name, logger] in Self.warn(name, $0, logger) })
    }

    /// Writes the file at the end. May block on the disk.
    func save(_ bytes: @autoclosure () -> [UInt8]) {
        guard let directory, let failure = directory.replace(name, with: bytes()) else { return }
        Self.warn(name, "\(failure)", logger)
    }

    private static func warn(_ name: String, _ reason: String, _ logger: Logger) {
        logger.warning("\(name) could not be written into the state directory: \(reason)")
    }
}
