// Short ways to write sources in the tests of the configuration.

import Testing

@testable import Gateway

/// A file source from text.
func file(_ text: String, name: String = "test.env") -> ConfigurationSource {
    .file(name, bytes: Array(text.utf8))
}

/// An environment source.
func environment(_ variables: KeyValuePairs<String, String>) -> ConfigurationSource {
    .environment(variables.map { ($0.key, $0.value) })
}

/// The configuration of sources that are expected to have no fault.
func configuration(
    _ sources: ConfigurationSource..., sourceLocation: SourceLocation = #_sourceLocation
) throws -> Configuration {
    let resolution = Configuration.resolve(sources)
    #expect(resolution.faults.map(\.description) == [], sourceLocation: sourceLocation)
    return try #require(resolution.configuration, sourceLocation: sourceLocation)
}

/// The faults of sources as text.
func faults(_ sources: ConfigurationSource...) -> [String] {
    Configuration.resolve(sources).faults.map(\.description)
}

/// The warnings and notes of sources as text.
func warnings(_ sources: ConfigurationSource...) -> [String] {
    Configuration.resolve(sources).warnings.map(\.description)
}

extension String {
    /// Whether `part` stands anywhere in the text.
    func occurs(_ part: String) -> Bool {
        let text = Array(utf8)
        let part = Array(part.utf8)
        guard text.count >= part.count else { return false }
        return (0...(text.count - part.count)).contains { start in
            text[start..<(start + part.count)].elementsEqual(part)
        }
    }
}
