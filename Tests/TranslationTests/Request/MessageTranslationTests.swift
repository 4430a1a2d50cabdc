// Messages: roles, texts, system prompts, media. Each row is a client's `messages` and the exact
// bytes that the upstream gets for them.

import Testing

@testable import Translation

@Suite struct MessageTranslationTests {
    @Test func writesTheWholeBodyInItsOrder() throws {
        let body = try translate(
            #"""
            {"model":"claude-x","max_tokens":1024,"system":"Be brief.","temperature":0.50,
            "top_p":0.9,"top_k":40,"stop_sequences":["END"],"stream":false,
            "metadata":{"user_id":"u"},
            "messages":[{"role":"user","content":"Hi \u00e9 \"x\""},
            {"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"}]}
            """#
        ).body
        #expect(
            body
                == [
                    #"{"model":"openai/gpt-oss-120b","messages":["#,
                    #"{"role":"system","content":"Be brief."},"#,
                    #"{"role":"user","content":"Hi \u00e9 \"x\""},"#,
                    #"{"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"}],"#,
                    #""max_tokens":1024,"temperature":0.50,"top_p":0.9,"top_k":40,"stop":["END"],"#,
                    #""stream":true,"stream_options":{"include_usage":true},"#,
                    #""user":"\#(SHA256Tests.hex(SHA256.digest([UInt8]("user:u".utf8).span)))"}"#,
                ].joined())
    }

    @Test(arguments: [
        // One text is a string, several stay apart only where a cache asks for it.
        (#"[{"type":"text","text":"a"}]"#, #""a""#),
        (#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#, #""a\n\nb""#),
        // Blank texts do not travel.
        (
            #"[{"type":"text","text":""},{"type":"text","text":" \n\t "},{"type":"text","text":"b"}]"#,
            #""b""#
        ),
        ("[]", #""(empty message)""#),
        (#""""#, #""(empty message)""#),
        (#"[{"type":"text","text":"a","citations":[]}]"#, #""a""#),
        // Images and documents.
        (
            #"[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]"#,
            #"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]"#
        ),
        (
            #"[{"type":"text","text":"a"},{"type":"image","source":{"type":"url","url":"https://x/a.png"}}]"#,
            #"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/a.png"}}]"#
        ),
        (
            #"[{"type":"document","title":"T.pdf","source":{"type":"base64","media_type":"application/pdf","data":"AA=="}}]"#,
            #"[{"type":"text","text":"[Document] T.pdf"},{"type":"file","file":{"filename":"T.pdf","file_data":"data:application/pdf;base64,AA=="}}]"#
        ),
        (
            #"[{"type":"document","source":{"type":"url","url":"https://x/a.pdf"}}]"#,
            #"[{"type":"file","file":{"filename":"document.pdf","file_data":"https://x/a.pdf"}}]"#
        ),
        (
            #"[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"D"}}]"#,
            #""D""#
        ),
        (
            #"[{"type":"document","title":"T","context":"C","source":{"type":"text","data":"D"}}]"#,
            #""[Document] T\n[Context] C\nD""#
        ),
        (#"[{"type":"document","source":{"type":"content","content":"D"}}]"#, #""D""#),
        (
            #"[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"D"},{"type":"text","text":"E"}]}}]"#,
            #""D\n\nE""#
        ),
        (
            #"[{"type":"search_result","title":"T","source":"https://x","content":[{"type":"text","text":"R"}]}]"#,
            #""[Search result] T\nhttps://x\nR""#
        ),
        // Blocks of the future: their words, if they have any.
        (#"[{"type":"hologram","text":"a"}]"#, #""[hologram]\na""#),
        (#"[{"type":"hologram","shape":1},{"type":"text","text":"b"}]"#, #""b""#),
    ])
    func translatesUserContent(_ content: String, _ expected: String) throws {
        #expect(
            try messages(#"[{"role":"user","content":\#(content)}]"#)
                == #"[{"role":"user","content":\#(expected)}]"#)
    }

    @Test func keepsConsecutiveMessagesOfTheUserApartAndJoinsThoseOfTheAssistant() throws {
        #expect(
            try messages(
                #"""
                [{"role":"user","content":"a"},{"role":"user","content":"b"},
                {"role":"assistant","content":"c"},{"role":"assistant","content":"d"},
                {"role":"user","content":"e"}]
                """#)
                == #"[{"role":"user","content":"a"},{"role":"user","content":"b"},"#
                + #"{"role":"assistant","content":"c\n\nd"},{"role":"user","content":"e"}]"#)
    }

    @Test func keepsATrailingAssistantMessageAsThePrefillThatItIs() throws {
        let text = #"[{"role":"user","content":"a"},{"role":"assistant","content":"{"}]"#
        #expect(try messages(text) == text)
        #expect(
            try messages(text, settings(.mistral, "mistral-large"))
                == #"[{"role":"user","content":"a"},{"role":"assistant","content":"{","prefix":true}]"#
        )
    }

    // MARK: System

    static let billing = "x-anthropic-billing-header: cc_version=2.1.330.440; cc_entrypoint=cli;"

    @Test(arguments: [
        (#""S""#, #""S""#),
        (#"[{"type":"text","text":"S"},{"type":"text","text":"T"}]"#, #""S\n\nT""#),
        (#"[{"type":"text","text":"\#(billing)"},{"type":"text","text":"T"}]"#, #""T""#),
        (#"[{"type":"text","text":"\#(billing)\nS"}]"#, #""S""#),
        (#""\#(billing)\n\nS""#, #""S""#),
        (#""S\n\#(billing)\nT""#, #""S\nT""#),
        (#""S\\n\#(billing)""#, #""S\\n\#(billing)""#),
        (#""A\n\#(billing)\nB\n\#(billing)\nC""#, #""A\nB\nC""#),
        (#""S x-anthropic-billing-header: no""#, #""S x-anthropic-billing-header: no""#),
    ])
    func writesTheSystemPromptWithoutTheBillingLine(_ system: String, _ expected: String) throws {
        let body = try translate(request(#""system":\#(system)"#)).body
        #expect(
            body
                == #"{"model":"openai/gpt-oss-120b","messages":[{"role":"system","content":\#(expected)},"#
                + #"{"role":"user","content":"Hi"}],"max_tokens":100"# + ending)
    }

    @Test(arguments: [
        #""""#, "[]", "null", #"[{"type":"text","text":"\#(billing)"}]"#, #""\#(billing)""#,
    ])
    func writesNoSystemMessageWithoutText(_ system: String) throws {
        let body = try translate(request(#""system":\#(system)"#)).body
        #expect(body.hasPrefix(#"{"model":"openai/gpt-oss-120b","messages":[{"role":"user""#))
    }

    @Test func leavesSystemMessagesWhereTheyStand() throws {
        #expect(
            try messages(
                #"""
                [{"role":"user","content":"a"},
                {"role":"system","content":[{"type":"text","text":"\#(Self.billing)\nS"}]},
                {"role":"assistant","content":"b"},{"role":"user","content":"c"},
                {"role":"system","content":"T"}]
                """#)
                == #"[{"role":"user","content":"a"},{"role":"system","content":"S"},"#
                + #"{"role":"assistant","content":"b"},{"role":"user","content":"c"},"#
                + #"{"role":"system","content":"T"}]"#)
    }

    @Test func foldsLaterSystemMessagesIntoUserTextWhereOnlyTheFirstMayBeOne() throws {
        let body = try translate(
            request(
                #""system":"S""#,
                messages: #"""
                    [{"role":"user","content":"a"},{"role":"system","content":"b\nc"},
                    {"role":"user","content":"d"},{"role":"assistant","content":"e"},
                    {"role":"system","content":"f"}]
                    """#), settings(.llamaCpp, "qwen3")
        ).body
        #expect(
            body == [
                #"{"model":"qwen3","messages":[{"role":"system","content":"S"},"#,
                #"{"role":"user","content":"a\n\n<system-reminder>\nb\nc\n</system-reminder>\n\nd"},"#,
                #"{"role":"assistant","content":"e"},"#,
                #"{"role":"user","content":"<system-reminder>\nf\n</system-reminder>"}],"#,
                #""max_tokens":100"#,
            ].joined() + ending)
    }

    @Test func rolesAlternateWhereTheyMustThoughAnAnswerSaysNothing() throws {
        let text = #"""
            [{"role":"user","content":"a"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"t","signature":""},{"type":"text","text":"\n"}]},
            {"role":"user","content":"b"},{"role":"assistant","content":""},
            {"role":"user","content":"c"}]
            """#
        #expect(
            try messages(text, settings(.mistral, "m"))
                == #"[{"role":"user","content":"a\n\nb\n\nc"}]"#)
        #expect(
            try messages(text)
                == #"[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"user","content":"c"}]"#
        )
    }

    @Test func aSystemMessageWithoutTextDoesNotLeaveTwoAnswersSideBySide() throws {
        #expect(
            try messages(
                #"[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"system","content":" "},{"role":"assistant","content":"b"}]"#,
                settings(.llamaCpp, "m"))
                == #"[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"(empty message)"},{"role":"assistant","content":"b"}]"#
        )
    }

    @Test func systemMessagesAloneAddNoMessageOfTheUser() throws {
        #expect(
            try messages(
                #"[{"role":"system","content":"S"},{"role":"assistant","content":"a"},{"role":"system","content":" "}]"#,
                settings(.llamaCpp, "m"))
                == #"[{"role":"system","content":"S"},{"role":"assistant","content":"a"}]"#)
    }

    @Test func leavesOutSystemMessagesThatTheNextUserMessageClears() throws {
        let clearing = #"{"role":"system","content":"S","clear_at":"next_user_message"}"#
        #expect(
            try messages(
                #"[{"role":"user","content":"a"},\#(clearing),{"role":"user","content":"b"},\#(clearing)]"#
            )
                == #"[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"system","content":"S"}]"#
        )
        #expect(
            try messages(
                #"[{"role":"system","content":"S","clear_at":"never"},{"role":"user","content":"b"}]"#
            )
                == #"[{"role":"system","content":"S"},{"role":"user","content":"b"}]"#)
    }

    @Test func tellsTheModelOfMediaThatItCannotHave() throws {
        let content = #"""
            [{"role":"user","content":[
            {"type":"image","source":{"type":"url","url":"https://x"}},
            {"type":"document","source":{"type":"url","url":"https://x/a.pdf"}},
            {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"A"}}]}]
            """#
        let blind = settings(.generic, "m") { $0.capabilities.images = false }
        let translated = try translate(request("", messages: content), blind)
        #expect(
            translated.body.contains(
                #""content":"[An image was left out: this model takes no images.]\n\n"#
                    + #"[A document that this model cannot open: https://x/a.pdf]\n\n"#
                    + #"[A PDF document was left out: this model takes no files.]""#))
        #expect(
            translated.request.dropped.headerValue
                == "messages.content.image,messages.content.document")
    }
}
