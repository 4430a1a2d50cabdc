// Work that grows with a request's body. Of a small body the loop does it at once; of a large one it
// would stop the loop's streams for tens of milliseconds, so the session hands it to the shell as a value
// and goes on when it comes back, done. Nothing in it is shared with the session meanwhile.

import Translation

/// One piece of such work, among all of a session.
package struct WorkID: Equatable, Sendable {
    private var number: UInt64 = 0

    /// Before the first piece.
    init() {}

    /// The one after this.
    var next: WorkID {
        var next = self
        next.number += 1
        return next
    }
}

/// Work on a large body.
package struct BodyWork: Sendable {
    enum Task: Sendable {
        /// A request is to be parsed.
        case read(BodyReading)
        /// A request is to be translated.
        case translate(RequestTranslation)
        /// A prompt that is counted is to be parsed.
        case count(PromptCount)
    }

    private(set) var task: Task

    init(_ task: Task) { self.task = task }

    /// The bytes that there are to read: a MiB takes some ten milliseconds.
    package var bytes: Int {
        switch task {
        case .read(let reading): reading.bytes
        case .translate(let translation): translation.bytes
        case .count(let count): count.remainingBytes
        }
    }

    /// Does the work. On any thread.
    package mutating func run() {
        // Taken out of its case meanwhile: a copy of the bytes would be one too many.
        let task = task
        self.task = .read(.none)
        switch task {
        case .read(var reading):
            reading.run()
            self.task = .read(reading)
        case .translate(var translation):
            translation.run()
            self.task = .translate(translation)
        case .count(var count):
            count.readBody()
            self.task = .count(count)
        }
    }
}

/// A request's body that is to be parsed, or has been.
struct BodyReading: Sendable {
    private let purpose: RequestOutline.Purpose
    private var body: [UInt8]
    /// The request, once it is parsed.
    fileprivate(set) var document = JSONDocument()
    private(set) var result: Result<RequestReading, APIError>

    fileprivate static let none = BodyReading([], for: .message)

    init(_ body: [UInt8], for purpose: RequestOutline.Purpose) {
        self.body = body
        self.purpose = purpose
        result = .failure(.invalidRequest("The request body is empty."))
    }

    var bytes: Int { body.count }

    mutating func run() {
        do throws(APIError) {
            try RequestReading.parse(&body, into: &document)
            result = .success(try RequestReading(document, for: purpose, isLarge: true))
        } catch {
            result = .failure(error)
        }
    }

    /// Hands the parsed request out.
    mutating func takeDocument() -> JSONDocument { document.take() }
}

/// What is known of a request once it is parsed.
struct RequestReading: Sendable {
    let outline: RequestOutline
    /// The size of the prompt by byte classes, not calibrated.
    let quickEstimate: Int
    /// Its words, where all of them have been counted.
    let words: Int?

    /// - Parameter isLarge: whether it is read beside the loop, where there is time to count words.
    init(
        _ document: JSONDocument, for purpose: RequestOutline.Purpose, isLarge: Bool
    ) throws(APIError) {
        outline = try RequestOutline(document, for: purpose)
        quickEstimate = TokenEstimate.inputTokens(document)
        words = isLarge ? PromptBound.words(of: document) : nil
    }

    /// Parses a request's body.
    ///
    /// - Throws: the 400 that the client gets.
    static func parse(
        _ body: inout [UInt8], into document: inout JSONDocument
    ) throws(APIError) {
        guard !body.isEmpty else { throw .invalidRequest("The request body is empty.") }
        do throws(JSONError) {
            try document.parse(exchanging: &body)
        } catch {
            throw .invalidRequest("The request body is not valid JSON: \(error).")
        }
    }
}
