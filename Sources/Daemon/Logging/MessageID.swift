// The kinds of log records that scripts look for.

/// Identifies them (`journalctl MESSAGE_ID=…`). Random, fixed for ever (see
/// `journalctl --new-id128`).
enum MessageID {
    static let started = "b73fe0b6b43e475784b95398c4891ce3"
    static let reloaded = "f3442dfe31754b538dd42ff6e2680040"
    static let reloadFailed = "9fac2632085a4667b79b1ef2ab54f760"
    static let stopping = "4d8bfcf402394f52adc290f2a4274c85"
    static let request = "0357233ddf374aaba23eced1cd944d36"
    static let refusals = "58a1c7b4f7cf4f0e9b3f5d1f4bb2e4a6"
    static let upstreamFails = "8c1f0a5be3d94f4c9a4b7f25c0a9d7e1"
    static let upstreamWorks = "2f6b39c07a584c1db0f64e9d1183ab54"
    static let prefixBreak = "728a2ead520a412589d5e68d24300aed"
}
