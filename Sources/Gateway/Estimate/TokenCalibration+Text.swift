// Calibrations as JSON: for the state file, and in short for people.

import Translation

extension TokenCalibration {
    /// The most that `encoded` gives: 64 models of 32 samples, with room.
    package static let encodedBytesMax = 256 << 10

    private static let version = 1

    /// The state file's content: `{"version":1,"models":[{"model":"…","answers":[[tokens, items, by
    /// byte classes, upstream's tokens], …]}, …]}`.
    package func encoded() -> [UInt8] {
        var text: [UInt8] = []
        text.append(#"{"version":"#)
        text.append(decimal: Self.version)
        text.append(#","models":["#)
        for (index, model) in models.enumerated() {
            if index > 0 { text.append(",") }
            text.append("\n{\"model\":")
            text.append(jsonString: String(decoding: model.model, as: UTF8.self))
            text.append(#","answers":["#)
            for (index, sample) in model.samples.enumerated() {
                text.append(index > 0 ? ",[" : "[")
                let numbers = [sample.tokens, sample.items, sample.quick, sample.prompt]
                for (index, number) in numbers.enumerated() {
                    if index > 0 { text.append(",") }
                    text.append(decimal: number)
                }
                text.append("]")
            }
            text.append("]}")
        }
        text.append("\n]}\n")
        return text
    }

    /// Reads what `encoded` has written; nil when it is anything else.
    package init?(encoded text: [UInt8]) {
        self.init()
        guard text.count <= Self.encodedBytesMax else { return nil }
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(text) } catch { return nil }
        guard let version = document.member(.root, "version"),
            document.integer(version) == Self.version,
            let list = document.member(.root, "models"), document.kind(list) == .array
        else { return nil }
        var seen: Set<[UInt8]> = []
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            guard let model = Self.read(element, of: document), seen.insert(model.model).inserted
            else { return nil }
            restore(model)
        }
    }

    private static func read(_ node: JSONNode, of document: JSONDocument) -> ModelCalibration? {
        guard let name = document.member(node, "model"), document.kind(name) == .string,
            let answers = document.member(node, "answers"),
            (1...ModelCalibration.samplesMax).contains(document.count(answers))
        else { return nil }
        let id = document.unescaped(name)
        guard (1...Limits.modelBytesMax).contains(id.count) else { return nil }
        var samples: [CalibrationSample] = []
        var elements = document.elements(of: answers)
        while let element = document.next(&elements) {
            var numbers: [Int] = []
            var items = document.elements(of: element)
            while let item = document.next(&items), numbers.count < 5 {
                guard let number = document.integer(item) else { return nil }
                numbers.append(number)
            }
            guard numbers.count == 4,
                let sample = CalibrationSample(
                    tokens: numbers[0], items: numbers[1], quick: numbers[2], prompt: numbers[3])
            else { return nil }
            samples.append(sample)
        }
        return ModelCalibration(id, samples: samples)
    }

    /// What `/health` shows, the most recently used model first: `[{"model":"…","answers":20,
    /// "ratio":1.083,"error":0.004}, …]`.
    func write(into text: inout [UInt8]) {
        text.append("[")
        for (index, model) in models.reversed().prefix(Self.shownMax).enumerated() {
            if index > 0 { text.append(",") }
            text.append(#"{"model":"#)
            text.append(jsonString: String(decoding: model.model, as: UTF8.self))
            text.append(#","answers":"#)
            text.append(decimal: model.samples.count)
            text.append(#","ratio":"#)
            Self.append(thousandths: model.ratio, to: &text)
            text.append(#","error":"#)
            Self.append(thousandths: model.error, to: &text)
            text.append("}")
        }
        text.append("]")
    }

    private static let shownMax = 16

    private static func append(thousandths value: Double, to text: inout [UInt8]) {
        let scaled = Int((value * 1000).rounded())
        text.append(decimal: scaled / 1000)
        text.append(".")
        for digit in [scaled / 100 % 10, scaled / 10 % 10, scaled % 10] {
            text.append(decimal: digit)
        }
    }
}
