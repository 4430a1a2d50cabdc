// Configuration: a file is read the same every time; whatever is wrong is told without showing a
// secret; and what is accepted prints as a file that means the same.

import Gateway
import TestSupport

enum ConfigurationFuzz {
    static func run(_ bytes: [UInt8]) {
        // Made of the input, so that it stands nowhere in it.
        var random = bytes.random
        let secret = "s" + String(random.next(), radix: 36) + String(random.next(), radix: 36)
        let files = [
            "", "OPENROUTER_API_KEY=\(secret)\n",
            "OPENROUTER_API_KEY=\"\(secret)\u{7} \(secret)\"\n",
            "CLAUDE_PROXY_CLIENT_TOKENS=\(secret),\(secret)x\n",
            "CLAUDE_PROXY_CLIENT_TOKENS=\(secret) \(secret), ,,\u{e9}\n",
        ]
        let secrets = files[random.below(files.count)]
        let resolution = Configuration.resolve([
            .file("config.env", bytes: bytes), .file("secrets.env", bytes: Array(secrets.utf8)),
        ])
        expect(
            (resolution.configuration == nil) == !resolution.faults.isEmpty, "faults and result")
        let told =
            resolution.faults.map(\.description) + resolution.warnings.map(\.description)
        for text in told { expect(!text.contains(secret), "a secret in \(text)") }
        guard let configuration = resolution.configuration,
            let printed = resolution.printedConfiguration()
        else { return }
        expect(!printed.contains(secret), "a secret in print-config")
        _ = Settings(configuration)
        let again = Configuration.resolve([.file("printed.env", bytes: Array(printed.utf8))])
        guard let second = again.configuration else {
            // A masked secret is no value.
            return expect(
                !configuration.upstreamKeys.isEmpty || !configuration.clientTokens.isEmpty,
                "what is printed is refused: \(again.faults)")
        }
        // Twice, so that what is masked or left to the daemon does not count.
        let third = Configuration.resolve([
            .file("printed.env", bytes: Array((again.printedConfiguration() ?? "").utf8))
        ])
        if let third = third.configuration {
            expect(second == third, "what is printed means something else")
        }
    }
}
