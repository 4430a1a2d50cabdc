// The key of seals (SealKey), made at the first start and kept in the state directory, where only
// the service's user may read it. Lost or damaged, it is made anew: clients then bring reasoning
// back that nobody knows, and it is left out.

enum InstallationKey {
    private static let name = "seal.key"
    private static var bytes: Int { 32 }

    /// The key, and whether the next start will have the same.
    static func load(_ directory: StateDirectory?) -> (key: [UInt8], isLasting: Bool) {
        guard let directory else { return (random(), false) }
        if let key = stored(in: directory) { return (key, true) }
        let key = random()
        // Another instance may be starting, too: the first one's counts.
        if directory.create(name, with: key) { return (key, true) }
        if let key = stored(in: directory) { return (key, true) }
        return (key, directory.replace(name, with: key) == nil)
    }

    private static func stored(in directory: StateDirectory) -> [UInt8]? {
        directory.read(name, bytesMax: bytes).flatMap { $0.count == bytes ? $0 : nil }
    }

    private static func random() -> [UInt8] {
        // The kernel's: getrandom(2).
        var generator = SystemRandomNumberGenerator()
        return (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
