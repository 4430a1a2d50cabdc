// Lists of models in the shapes that servers give, whole, byte by byte and cut at random.

import TestSupport
import Testing
import Translation

@testable import Gateway

/// Reads `text` in pieces of `size` bytes.
func readModels(_ text: String, pieces size: Int = .max) -> ModelListReader {
    let bytes = [UInt8](text.utf8)
    var reader = ModelListReader()
    var start = 0
    while start < bytes.count {
        let end = start + min(size, bytes.count - start)
        reader.read(bytes.span.extracting(start..<end))
        start = end
    }
    return reader
}

/// A list such as OpenRouter gives, with one model.
let openRouterList = """
    {"data":[{"id":"anthropic/claude-opus-5","canonical_slug":"anthropic/claude-5-opus-20260210",
    "name":"Anthropic: Claude Opus 5","created":1770681600,"description":"Braces } ] and \\"quotes\\".",
    "context_length":1000000,"architecture":{"modality":"text+image->text",
    "input_modalities":["text","image","file"],"output_modalities":["text"],"tokenizer":"Claude"},
    "pricing":{"prompt":"0.000005","completion":"0.000025","input_cache_read":"0.0000005",
    "input_cache_write":"0.00000625","input_cache_write_1h":"0.00001","image":"0"},
    "top_provider":{"context_length":1000000,"max_completion_tokens":128000,"is_moderated":true},
    "per_request_limits":null,"supported_parameters":["max_tokens","reasoning","stop",
    "structured_outputs","tool_choice","tools","verbosity"],
    "reasoning":{"supported_efforts":["low","medium","high","xhigh","max","none"],
    "default_effort":"high","supports_max_tokens":false,"mandatory":true}}]}
    """

@Suite("Lists of models") struct ModelListReaderTests {
    /// Long prompts cost more: from so many tokens on, what is named costs so much instead.
    @Test func pricesGoByThePromptsLength() throws {
        let reader = readModels(
            """
            {"data":[{"id":"g/p","pricing":{"prompt":"0.000001","completion":"0.00001",
            "input_cache_read":"0.0000001","overrides":[
            {"min_prompt_tokens":400000,"prompt":"0.000004"},
            {"min_prompt_tokens":200000,"prompt":"0.000002","completion":"0.000015",
            "input_cache_read":"0.0000002"},
            {"min_prompt_tokens":-1,"prompt":"1"},{"prompt":"1"},7,null,
            {"min_prompt_tokens":1e99,"prompt":"1"}]}}]}
            """)
        let prices = try #require(reader.models.first?.prices)
        #expect(prices.longPrompts.map(\.tokensMin) == [200_000, 400_000])
        func cost(_ input: Int, cached: Int = 0) -> String {
            var usage = TokenUsage()
            (usage.prompt, usage.cacheRead, usage.output) = (input + cached, cached, 1000)
            return prices.cost(of: usage, cachesForAnHour: false).description
        }
        #expect(cost(199_999) == "0.209999")
        #expect(cost(200_000) == "0.415")
        #expect(cost(100_000, cached: 100_000) == "0.235", "what was cached counts")
        #expect(cost(400_000) == "1.61")
        var usage = TokenUsage()
        (usage.prompt, usage.cacheRead) = (300_000, 300_000)
        #expect(prices.saving(of: usage, cachesForAnHour: false).description == "0.54")
        // And so after a restart.
        let kept = ModelCatalogue(upstream: "u", fetchedAt: .zero, models: reader.models)
        #expect(ModelCatalogue(file: kept.file, of: "u")?.models == reader.models)
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1 << 20])
    func openRouterSaysEverything(pieces: Int) throws {
        let reader = readModels(openRouterList, pieces: pieces)
        #expect(reader.isComplete && reader.skipped == 0)
        let model = try #require(reader.models.first)
        #expect(reader.models.count == 1)
        #expect(model.id == "anthropic/claude-opus-5")
        #expect(model.name == "Anthropic: Claude Opus 5")
        #expect(model.created == 1_770_681_600)
        let capabilities = model.capabilities
        #expect(capabilities.contextTokens == 1_000_000)
        #expect(capabilities.outputTokensMax == 128_000)
        #expect(capabilities.tools == true && capabilities.images == true)
        #expect(capabilities.files == nil, "OpenRouter reads documents for every model")
        #expect(capabilities.reasoning == true && capabilities.isReasoningMandatory == true)
        #expect(capabilities.reasoningBudgets == false)
        #expect(capabilities.efforts == [.low, .medium, .high, .xhigh, .max])
        #expect(capabilities.structuredOutput == true)
        #expect(model.refusedFields == ["temperature", "top_p", "top_k"])
        let prices = try #require(model.prices)
        #expect(prices.input.description == "0.000005")
        #expect(prices.cacheRead?.description == "0.0000005")
        #expect(prices.cacheWriteHour?.description == "0.00001")
    }

    @Test(
        arguments: [
            // OpenAI, Ollama
            (
                #"{"object":"list","data":[{"id":"gpt-5","object":"model","created":1,"owned_by":"x"}]}"#,
                "gpt-5", nil, nil
            ),
            // vLLM
            (
                #"{"object":"list","data":[{"id":"Qwen/Q","max_model_len":32768,"permission":[{"a":[]}]}]}"#,
                "Qwen/Q", 32768, nil
            ),
            // llama.cpp, with a second list of its own before
            (
                #"{"models":[{"name":"x"}],"object":"list","data":[{"id":"m.gguf","meta":{"n_ctx_train":8192}}]}"#,
                "m.gguf", 8192, nil
            ),
            (#"{"data":[{"id":"m","meta":{"n_ctx":4096,"n_ctx_train":8192}}]}"#, "m", 4096, nil),
            // Groq
            (
                #"{"data":[{"id":"g","context_window":131072,"max_completion_tokens":65536}]}"#,
                "g", 131_072, 65536
            ),
            // Mistral
            (
                #"{"data":[{"id":"mistral","max_context_length":128000,"capabilities":{"vision":false}}]}"#,
                "mistral", 128_000, nil
            ),
            // Together: nothing round the list
            (#" [ {"id":"t/m","context_length":4096} ] "#, "t/m", 4096, nil),
        ] as [(String, String, Int?, Int?)])
    func everyServerIsUnderstood(list: String, id: String, context: Int?, output: Int?) throws {
        for pieces in [1, 5, Int.max] {
            let reader = readModels(list, pieces: pieces)
            #expect(reader.isComplete)
            let model = try #require(reader.models.first)
            #expect(model.id == id && reader.models.count == 1)
            #expect(model.capabilities.contextTokens == context)
            #expect(model.capabilities.outputTokensMax == output)
            #expect(model.refusedFields.isEmpty && model.prices == nil)
        }
    }

    @Test(arguments: [
        "", "null", "{}", "<html><body>[{\"id\":\"x\"}]</body></html>", #"{"data":{}}"#,
        #"{"error":{"message":"no","data":[{"id":"x"}]}}"#, #"{"x":"data","y":[{"id":"x"}]}"#,
    ])
    func whatIsNoListHasNoModels(text: String) {
        #expect(readModels(text).models.isEmpty)
    }

    @Test func aListThatIsCutOffIsNotComplete() {
        let bytes = [UInt8](openRouterList.utf8)
        for length in 0..<(bytes.count - 2) {
            var reader = ModelListReader()
            reader.read(bytes.span.extracting(first: length))
            #expect(!reader.isComplete, "after \(length) bytes")
        }
    }

    @Test func badModelsAreLeftOut() {
        let long = String(repeating: "a", count: 257)
        let reader = readModels(
            """
            {"data":[{"id":"a"},{"id":7},{"name":"no id"},{"id":"b",},{"id":"b c"},{"id":"\(long)"},
            17,"x",null,[{"id":"z"}],{"id":"a","name":"again"},
            {"id":"c","name":"line\\nend","context_length":-5,"created":1e99,"pricing":{"prompt":"-1",
            "completion":"-1"}}]}
            """)
        #expect(reader.models.map(\.id) == ["a", "c"])
        #expect(reader.models[0].name == nil)
        #expect(reader.models[1] == CatalogueModel(id: "c"))
        #expect(reader.skipped == 6)
    }

    @Test func aModelLargerThanAnyIsLeftOut() {
        let text = String(repeating: "x", count: ModelListReader.elementBytesMax)
        let list = #"{"data":[{"id":"a","description":"\#(text)"},{"id":"b"}]}"#
        for pieces in [1 << 10, Int.max] {
            #expect(readModels(list, pieces: pieces).models.map(\.id) == ["b"])
        }
    }

    @Test func thereIsALimitToTheirNumber() {
        let models = (0...ModelListReader.modelsMax).map { #"{"id":"m\#($0)"}"# }
        let reader = readModels("[" + models.joined(separator: ",") + "]")
        #expect(reader.models.count == ModelListReader.modelsMax && reader.isComplete)
    }

    @Test func rubbishHarmsNothing() {
        var random = SplitMix64(seed: 7)
        let original = [UInt8](openRouterList.utf8)
        for _ in 0..<2000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            var whole = ModelListReader()
            whole.read(bytes.span)
            var cut = ModelListReader()
            let place = Int.random(in: 0...bytes.count, using: &random)
            cut.read(bytes.span.extracting(0..<place))
            cut.read(bytes.span.extracting(place...))
            #expect(whole.models == cut.models && whole.isComplete == cut.isComplete)
        }
    }
}
