// Keeps what all workers learn about models' tokenizers, and carries it over a restart in the state
// directory. Without one it is kept in memory alone.

import Gateway
import Logging

/// The daemon's copy of the calibration, and its file.
final class CalibrationKeeper {
    private(set) var calibration = TokenCalibration()
    private var file: StateFile
    private var isChanged = false

    /// Takes what the last run has left.
    init(logger: Logger) {
        // What a crash may cost is less than the writing.
        file = StateFile(
            "token-calibration.json", bytesMax: TokenCalibration.encodedBytesMax,
            savePeriod: .seconds(60), consequence: "token counts are learnt anew", logger: logger)
        if let stored = file.load({ TokenCalibration(encoded: $0) }) { calibration = stored }
    }

    func learn(_ observation: TokenObservation) {
        calibration.learn(observation)
        isChanged = true
    }

    /// Writes the file now and then, on a thread of its own.
    func saveIfDue(at now: Duration) {
        guard isChanged, file.isDue(at: now) else { return }
        isChanged = false
        file.saveInBackground(at: now) { [calibration] in calibration.encoded() }
    }

    /// Writes the file at the end.
    func save() {
        guard isChanged else { return }
        file.save(calibration.encoded())
    }
}
