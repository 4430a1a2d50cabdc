// What a record says of why a request failed. The client gets an upstream's words as they are; the
// log must not, because servers quote their input: a schema, a value, whole messages, with quotation
// marks (OpenAI's "Invalid schema for function 'f': '…'"), as data (pydantic's `input`) or bare. No
// grammar tells an echo from the sentence around it. So the record keeps a message only as far as it
// consists of words that say what is wrong with a request, and never of what a request may say: it
// ends before the first word that is not in the list below, before a long number, and at whatever
// may begin a quotation.

/// The part of an error's message that may stand in a log.
package enum ErrorSummary {
    /// No explanation is longer.
    static let bytesMax = 320

    /// The begin of the message that holds nothing of a conversation, with "…" where it is cut; nil
    /// when that is nothing.
    package static func text(of message: String) -> String? {
        let message = message.prefix(2 * bytesMax)
        if ownBegins.contains(where: { message.hasPrefix($0) }) {
            return cut(String(message), toBytes: bytesMax)
        }
        var kept = ""
        var isCut = false
        for (index, word) in message.split(separator: " ").enumerated() {
            guard let part = known(word, isFirst: index == 0), kept.utf8.count < bytesMax else {
                isCut = true
                break
            }
            if !kept.isEmpty { kept += " " }
            kept += part
        }
        while let last = kept.last, ":,;(-".contains(last) { kept.removeLast() }
        guard !kept.isEmpty else { return nil }
        return isCut ? kept + "…" : kept
    }

    /// How our own messages begin that quote nobody: those of `APIError.of(_:upstream:)` and the
    /// limits', which hold addresses and the words of libcurl.
    private static let ownBegins = [
        "The upstream's host name cannot be resolved (", "The proxy server on the way to the ",
        "The proxy has no ", "The CA certificates to check ", "TLS with the upstream ",
        "The request to the upstream ", "The answer of the upstream ", "The proxy serves as ",
        "The proxy has as ", "The proxy is shutting ", "The proxy holds as many bytes ",
        "The request is larger than the memory ",
    ]

    /// The word if it may be kept.
    private static func known(_ word: Substring, isFirst: Bool) -> Substring? {
        // A dash, a comparison.
        if word.utf8.count <= 3, word.allSatisfy({ "-–—><=+&/…".contains($0) }) { return word }
        let bare = trimmed(word)
        guard !bare.isEmpty else { return nil }
        let isNumber = bare.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "%")
        }
        if isNumber { return bare.utf8.count <= 8 ? word : nil }
        if isSetting(bare) { return word }
        // `messages.0.content:` is where, not what.
        let parts = bare.split { "._-/".contains($0) }
        let areKnown = parts.allSatisfy { part in
            words.contains(part.lowercased()) || (isFirst && Int(part) != nil && part.count < 6)
        }
        return areKnown ? word : nil
    }

    private static func isSetting(_ word: Substring) -> Bool {
        (word.hasPrefix("CLAUDE_PROXY_") || word.hasPrefix("OPENROUTER_"))
            && OptionTable.option(String(word)) != nil
    }

    /// Without the marks of a sentence around it. Quotation marks and brackets stay, and are in no
    /// word of the list.
    private static func trimmed(_ word: Substring) -> Substring {
        var word = word
        while let first = word.first, first == "(" { word.removeFirst() }
        while let last = word.last, ".,;:!?)…".contains(last) { word.removeLast() }
        return word
    }

    private static func cut(_ text: String, toBytes bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        return String(decoding: text.utf8.prefix(bytesMax), as: UTF8.self) + "…"
    }

    /// The words of those who refuse requests, in the order of the alphabet. None is a noun that a
    /// conversation would miss.
    private static let words = Set(
        """
        a able about above accept accepted accepts access account accounts add additional admin
        affordable after afford again against all allow allowed allows already also always an and
        another answer answered answers any api apikey append arguments argument array as assistant
        at attempt authentication authorization available auth bad balance base base64 be because been
        before begins below between billing block blocked blocks body boolean broke budget but buy by
        bytes cache call calls can cancelled cannot can't capacity changes characters chat check
        choice choices claude client close closed code come completed completion completions config
        configuration configured conflict connect connection contact contain contains content context
        continue control conversation could couldn't count create credentials credit credits current
        currently daily data day days deadline default delta denied deployment deprecated description
        detail details developer did didn't disabled disconnected do document documents does doesn't
        doing don't down due duplicate during each effort either embedded empty enable enabled end
        endpoint endpoints ends engine enough entity enum error errors event every exceed exceeded
        exceeds exhausted exist exists expected expired failed failure failures feature few field
        fields file filter finish first float follow following for forbidden format found free
        frequency from function functions further gateway gave generate generated generation get
        given go greater guardrail had has have header headers high higher history host hour hours
        how however http id ids if ignored image images in incomplete incorrect increase index info
        input inputs insufficient integer interleaved internal into invalid is isn't it items its
        json key keys known large larger last later left length less level limit limited limits list
        load loaded location long longer lower made make many match matches max maximum may media
        medium message messages metadata method million min minimum minute minutes missing mode model
        model's models moderation modified monthly more most much multiple must name names need needs
        network never no non none not nothing null number object objects occurred of off offset on one only
        or organization other our out output outside over overloaded own page parallel parameter
        parameters parse parsing part parts pass payload payment penalty per permission permissions
        please plan policy positive prefill prefix presence previous privacy problem process
        processed prompt prompts properties property protected provide provided provider providers
        purchase quota range rate raw reached read reason reasoning received reduce refer refused
        refuses region reject rejected remove repeated reports request requested requests required
        requires reset resets resource response responses restrictions result results retry return
        returned returns role rows run running safety same schema schemas second seconds sec see send
        sending sends sent sequence server service session set setting settings shape short should
        shutting signature size slow so some something soon source specified specify start status
        step stop store stream streaming strict string strings structure structured subscription
        such supplied support supported supports suspended system take takes template temperature
        temporarily temporary text than that the their them then there these they thinking this those
        through throttled time timed timeout times to today token tokens too took tool tools top
        total traffic tried true try trying type types unable unauthorized unavailable understand
        unexpected union unknown unprocessable unrecognized unsupported until up update upgrade
        upload upstream upstream's url usage use used user using valid validation value values
        verify version via video violates violation wait was way we week were what when where which
        while whole why will with within without word words would wrong yet you your zero
        aborted anthropic azure bedrock cerebras cohere deepseek fireworks gemini google groq kimi
        litellm llama mistral moonshot novita nvidia ollama openai openrouter parasail perplexity
        qwen sambanova together vertex vllm xai zai proxy proxy's
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
