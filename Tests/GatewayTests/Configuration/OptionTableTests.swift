// The table itself, and the documents that come from it.

import TestSupport
import Testing

@testable import Gateway

@Suite("The table of options") struct OptionTableTests {
    private let options = OptionTable.options

    @Test("The names are those that are promised, each once") func names() {
        #expect(options.count == 43)
        #expect(Set(options.map(\.key)).count == options.count)
        #expect(
            options.allSatisfy {
                $0.key.hasPrefix("CLAUDE_PROXY_") || $0.key.hasPrefix("OPENROUTER_")
            })
        #expect(
            options.filter(\.isSecret).map(\.key) == [
                "OPENROUTER_API_KEY", "CLAUDE_PROXY_CLIENT_TOKENS", "CLAUDE_PROXY_SEAL_KEY",
            ])
        #expect(options.filter { $0.key.hasPrefix("OPENROUTER_") }.count == 4)
    }

    @Test("Every text is made of sentences, the first of which fits a line") func texts() {
        for option in options {
            #expect(option.text.hasSuffix("."), "\(option.key)")
            #expect(option.summary.hasSuffix("."), "\(option.key)")
            #expect(option.summary.count <= 130, "\(option.key): \(option.summary)")
            #expect(option.text.filter { $0 == "`" }.count.isMultiple(of: 2), "\(option.key)")
            #expect(!option.allowed.hasSuffix("."), "\(option.key)")
        }
    }

    @Test("Every default and every example is a value that its option takes")
    func defaultsAreValid() throws {
        for option in options where !option.isSecret {
            #expect(option.defaultValue.isEmpty == (option.example != nil), "\(option.key)")
            var configuration = Configuration()
            try option.apply(
                option.defaultValue.isEmpty ? option.example ?? "" : option.defaultValue,
                &configuration)
            if !option.defaultValue.isEmpty { #expect(configuration == Configuration()) }
        }
    }

    @Test("config.example.env is what the table gives") func exampleFile() throws {
        try GoldenFile(path: "config.example.env").expect(OptionTable.exampleFile())
    }

    @Test("docs/configuration.md is what the table gives") func markdown() throws {
        try GoldenFile(path: "docs/configuration.md").expect(OptionTable.markdown())
    }

    @Test("debian/claude-proxy.env.5 is what the table gives") func manualPage() throws {
        try GoldenFile(path: "debian/claude-proxy.env.5").expect(OptionTable.manPage())
    }

    @Test("The example file as it is changes nothing") func exampleIsDefault() throws {
        #expect(try configuration(file(OptionTable.exampleFile())) == Configuration())
    }

    @Test("The example file with everything uncommented is valid and names every option")
    func exampleIsValid() throws {
        let text = OptionTable.exampleFile()
            .split(separator: "\n")
            .map { $0.hasPrefix("#") && !$0.hasPrefix("# ") ? $0.dropFirst() : $0 }
            .joined(separator: "\n")
        let source = file(text)
        let keys = OptionTable.documentedGroups.flatMap(\.options).map {
            $0.key.split(separator: "<NAME>").joined(separator: "GROQ")
        }
        #expect(source.entries.map(\.key) == keys)
        let configuration = try configuration(source)
        #expect(configuration.siteName == "My application")
        #expect(configuration.modelMap.rules.count == 2)
    }

    @Test("Every document names every option") func documentsAreComplete() {
        for option in options {
            #expect(OptionTable.markdown().occurs("### `\(option.key)`\n"))
            #expect(OptionTable.helpText().occurs("\n  \(option.key)\n"))
            #expect(OptionTable.manPage().occurs(".TP\n.B \(option.key)\n"))
        }
    }

    @Test("Help and example file keep within their columns") func columns() {
        for line in OptionTable.helpText().split(separator: "\n") { #expect(line.count <= 80) }
        for line in OptionTable.exampleFile().split(separator: "\n") { #expect(line.count <= 80) }
    }

    @Test("No table cell of the Markdown is broken by a bar") func markdownCells() {
        for line in OptionTable.markdown().split(separator: "\n") where line.hasPrefix("|") {
            #expect(line.filter { $0 == "|" }.count == 5, "\(line)")
        }
    }

    @Test("The manual page has no stray requests and escapes minus signs") func manPage() {
        let known = [".TH ", ".SH ", ".TP", ".B ", ".BR ", ".I ", ".PP", ".\\\""]
        for line in OptionTable.manPage().split(separator: "\n") where line.hasPrefix(".") {
            #expect(known.contains { line.hasPrefix($0) }, "\(line)")
        }
        #expect(OptionTable.manPage().occurs("claude\\-proxy.api_key"))
        #expect(!OptionTable.manPage().occurs("`"))
    }
}
