// The catalogue: looking models up, and its file, which may come back damaged.

import TestSupport
import Testing
import Translation

@testable import Gateway

@Suite("The catalogue") struct ModelCatalogueTests {
    private static let upstream = "https://openrouter.ai/api/v1"

    static func catalogue(_ list: String) -> ModelCatalogue {
        ModelCatalogue(
            upstream: upstream, fetchedAt: .seconds(1_800_000_000), models: readModels(list).models)
    }

    @Test func aVariantIsItsModelWithoutPrices() throws {
        let catalogue = Self.catalogue(
            #"[{"id":"a/b","context_length":10,"pricing":{"prompt":"1","completion":"1"}},{"id":"a/b:free"}]"#
        )
        #expect(catalogue.model("a/b")?.prices != nil)
        let nitro = try #require(catalogue.model("a/b:nitro"))
        #expect(nitro.capabilities.contextTokens == 10 && nitro.prices == nil)
        #expect(catalogue.model("a/b:free")?.capabilities.contextTokens == nil)
        #expect(catalogue.model("a/c") == nil && catalogue.model("a:x/b") == nil)
        #expect(!catalogue.lists("a/b:nitro"))
    }

    @Test func theFileBringsEverythingBack() throws {
        let lists = [
            openRouterList, #"[{"id":"a"}]"#,
            #"[{"id":"m","max_context_length":1,"capabilities":{"function_calling":true,"vision":true}}]"#,
            #"[{"id":"r","reasoning":{},"supported_parameters":["seed"],"pricing":{"prompt":"0","completion":"0.5","request":"2"}}]"#,
        ]
        for list in lists {
            let catalogue = Self.catalogue(list)
            let copy = try #require(ModelCatalogue(file: catalogue.file, of: Self.upstream))
            #expect(copy.models == catalogue.models)
            #expect(copy.fetchedAt == catalogue.fetchedAt)
        }
    }

    @Test func aForeignOrDamagedFileIsNone() {
        let file = Self.catalogue(openRouterList).file
        #expect(ModelCatalogue(file: file, of: "https://example.com/v1") == nil)
        for length in 0..<(file.count - 3) {
            #expect(ModelCatalogue(file: Array(file[..<length]), of: Self.upstream) == nil)
        }
        #expect(ModelCatalogue(file: Array(#"{"version":2}"#.utf8), of: Self.upstream) == nil)
        let large = [UInt8](repeating: 0x20, count: ModelCatalogue.fileBytesMax + 1)
        #expect(ModelCatalogue(file: large, of: Self.upstream) == nil)
        var random = SplitMix64(seed: 3)
        for _ in 0..<2000 {
            var bytes = file
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                in: 0...255, using: &random)
            _ = ModelCatalogue(file: bytes, of: Self.upstream)
        }
    }

    @Test func everyUpstreamHasAFileOfItsOwn() {
        let name = ModelCatalogue.fileName(for: Self.upstream)
        #expect(name.hasPrefix("models-") && name.hasSuffix(".json") && name.utf8.count == 28)
        #expect(name != ModelCatalogue.fileName(for: "https://example.com/v1"))
    }
}

@Suite("Money") struct MoneyAmountTests {
    @Test(arguments: [
        ("0", "0"), ("0.00000015", "0.00000015"), ("1.5e-7", "0.00000015"), ("2", "2"),
        ("0.000000000001", "0.000000000001"), ("12.5", "12.5"), ("1e-13", "0"),
    ])
    func decimalsComeBack(text: String, shown: String) throws {
        #expect(try #require(MoneyAmount(text)).description == shown)
    }

    @Test(arguments: ["", "-1", "x", "nan", "inf", "1e300", "0x", "1,5"])
    func whatIsNoPriceIsRefused(text: String) { #expect(MoneyAmount(text) == nil) }

    @Test func centsAreRounded() {
        #expect(MoneyAmount(picodollars: 1_234_567_890_123).cents == "$1.23")
        #expect(MoneyAmount(picodollars: -1_995_000_000_000).cents == "-$2.00")
        #expect(MoneyAmount(picodollars: -1).cents == "$0.00")
    }

    @Test func nothingOverflows() {
        let price = MoneyAmount(picodollars: .max / 2)
        #expect(price * 1_000_000 > .zero)
    }
}
