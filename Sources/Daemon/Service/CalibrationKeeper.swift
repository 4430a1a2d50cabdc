// Keeps what all workers learn about models' tokenizers, and carries it over a restart in the state
// directory. Without one it is kept in memory alone.

import EventLoop
import Gateway
import Logging

/// The daemon's copy of the calibration, and its file.
final class CalibrationKeeper {
    private(set) var calibration = TokenCalibration()
    private let directory = StateDirectory()
    private let logger: Logger
    private var isChanged = false
    private var savedAt: Duration = .zero

    private static let fileName = "token-calibration.json"
    /// What a crash may cost is less than the writing.
    private static let savePeriod = Duration.seconds(60)

    /// Takes what the last run has left.
    init(logger: Logger) {
        self.logger = logger
        let text: [UInt8]
        switch directory?.look(at: Self.fileName, bytesMax: TokenCalibration.encodedBytesMax) {
        case .content(let bytes): text = bytes
        case .unfit(let reason):
            logger.warning(
                "\(Self.fileName) in the state directory is not used: \(reason); token counts are learnt anew"
            )
            return
        case .nothing, nil: return
        }
        guard let stored = TokenCalibration(encoded: text) else {
            logger.warning(
                "\(Self.fileName) in the state directory is not what was written there; token counts are learnt anew"
            )
            return
        }
        calibration = stored
    }

    func learn(_ observation: TokenObservation) {
        calibration.learn(observation)
        isChanged = true
    }

    /// Writes the file now and then, on a thread of its own.
    func saveIfDue(at now: Duration) {
        guard isChanged, now - savedAt >= Self.savePeriod, let directory else { return }
        isChanged = false
        savedAt = now
        directory.replaceInBackground(
            Self.fileName, with: { [calibration] in calibration.encoded() },
            failed: { [logger] reason in
                logger.warning(
                    "\(Self.fileName) could not be written into the state directory: \(reason)")
            })
    }

    /// Writes the file at the end.
    func save() {
        guard isChanged, let directory else { return }
        if let failure = directory.replace(Self.fileName, with: calibration.encoded()) {
            logger.warning(
                "\(Self.fileName) could not be written into the state directory: \(failure)")
        }
    }
}
