// The state file of cool-downs: `{"version":1,"cooldowns":[{"account":"…","model":"…","until":seconds since
// 1970,"kind":"rate_limited"}, …]}`, one a line.

import Translation

/// Writes and reads the state file of cool-downs.
package enum CoolDownFile {
    /// The most that is read.
    package static let bytesMax = 1 << 20
    private static let version = 1
    private static let countMax = 256
    /// No clock is believed that makes one longer than it can have been.
    private static let lifetimeMax = 24 * 3600

    package static func encode(_ coolDowns: [KeptCoolDown], timeOfDay: Duration) -> [UInt8] {
        var text: [UInt8] = []
        text.append(#"{"version":"#)
        text.append(decimal: version)
        text.append(#","cooldowns":["#)
        for (index, one) in coolDowns.enumerated() {
            text.append(index == 0 ? "\n{\"account\":\"" : ",\n{\"account\":\"")
            text.append(contentsOf: String(one.account, radix: 16).utf8)
            text.append(UInt8(ascii: "\""))
            if let model = one.model {
                text.append(#","model":"#)
                text.append(jsonString: String(decoding: model, as: UTF8.self))
            }
            text.append(#","until":"#)
            text.append(decimal: Int((timeOfDay + one.rest).components.seconds))
            text.append(#","kind":""#)
            text.append(contentsOf: one.kind.rawValue.utf8)
            text.append(#""}"#)
        }
        text.append("\n]}\n")
        return text
    }

    /// Reads what `encode` has written, but for what is over; nil when it is anything else.
    package static func decode(_ text: [UInt8], timeOfDay: Duration) -> [KeptCoolDown]? {
        guard text.count <= bytesMax else { return nil }
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(text) } catch { return nil }
        guard let number = document.member(.root, "version"), document.integer(number) == version,
            let list = document.member(.root, "cooldowns"), document.kind(list) == .array,
            document.count(list) <= countMax
        else { return nil }
        let today = Int(timeOfDay.components.seconds)
        var coolDowns: [KeptCoolDown] = []
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            guard
                let account = document.member(element, "account").flatMap(document.string)
                    .flatMap({ UInt64($0, radix: 16) }),
                let until = document.member(element, "until").flatMap(document.integer),
                let kind = document.member(element, "kind").flatMap(document.string)
                    .flatMap(FailureKind.init(rawValue:)), 0..<(1 << 40) ~= until
            else { return nil }
            guard today < until else { continue }
            coolDowns.append(
                KeptCoolDown(
                    account: account,
                    model: document.member(element, "model").flatMap(document.string)
                        .map { Array($0.utf8) },
                    rest: .seconds(min(until - today, lifetimeMax)), kind: kind))
        }
        return coolDowns
    }
}
