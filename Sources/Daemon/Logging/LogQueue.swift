// Records that wait to be written, as bytes: of a line, or of a journal record's fields. Bounded; what
// has no room is counted. Once a record was left out, those that follow are, too, until the queue has
// been taken: so the count says where in the log they are missing.

/// A bounded batch of records in the order in which they were made.
struct LogQueue {
    /// Several seconds of a busy service, or a disk's hiccup. Twice as much is held while a batch is
    /// being written.
    static let bytesMax = 1 << 20
    static let recordsMax = 4096
    /// What an empty queue keeps of its room.
    private static let roomKept = 64 << 10

    /// All records, one after the other.
    private(set) var bytes: [UInt8] = []
    private(set) var records: [Record] = []
    /// The lengths of journal records' fields, one record after the other.
    private(set) var fieldLengths: [Int] = []
    /// How many had no room.
    private(set) var dropped = 0

    struct Record: Equatable {
        var byteCount: Int
        /// The fields of a journal record; 0 for a line.
        var fieldCount: Int
    }

    var isEmpty: Bool { records.isEmpty && dropped == 0 }

    /// Adds a record, or counts it.
    ///
    /// - Parameter fields: the lengths of its fields if it is for the journal; none for a line.
    mutating func append(_ record: [UInt8], fields: [Int]) {
        guard dropped == 0, records.count < Self.recordsMax,
            bytes.count + record.count <= Self.bytesMax
        else {
            dropped += 1
            return
        }
        bytes.append(contentsOf: record)
        fieldLengths.append(contentsOf: fields)
        records.append(Record(byteCount: record.count, fieldCount: fields.count))
    }

    /// Forgets everything, and keeps room for as much as is usual.
    mutating func clear() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.roomKept)
        records.removeAll(keepingCapacity: records.capacity <= Self.recordsMax / 8)
        fieldLengths.removeAll(keepingCapacity: fieldLengths.capacity <= Self.recordsMax)
        dropped = 0
    }
}
