// Web searches that the upstream ran: results before the text, citations within it.

import Testing

@testable import Translation

@Suite struct StreamSearchTests {
    static let setting = Setting.with { $0.facts.offersWebSearch = true }

    static func annotation(_ url: String, title: String = "T", content: String = "C") -> String {
        Upstream.chunk(
            #"{"content":"","annotations":[{"type":"url_citation","url_citation":{"url":"\#(url)","#
                + #""title":"\#(title)","start_index":0,"end_index":0,"content":"\#(content)"}}]}"#)
    }

    @Test func resultsBeforeTheTextAreASearchAndItsResults() {
        let stream =
            Self.annotation("https://a/1") + Self.annotation("https://a/2", title: "\\\"q\\\"")
            + Upstream.text("See") + Upstream.end()
        let model = check(stream, setting: Self.setting)
        #expect(model.outline == ["server_tool_use", "web_search_tool_result", "text:See"])
        #expect(model.content[0]["name"] == .string("web_search"))
        #expect(model.content[0]["id"] == model.content[1]["tool_use_id"])
        let results = model.content[1]["content"]
        #expect(results?.array.count == 2)
        #expect(results?[0]?["url"] == .string("https://a/1"))
        #expect(results?[1]?["title"] == .string("\"q\""))
        let content = results?[0]?["encrypted_content"]?.string ?? ""
        #expect(SearchContent.open([UInt8](content.utf8).span) == [UInt8]("C".utf8))
        #expect(model.usage?["server_tool_use"]?["web_search_requests"]?.int == 1)
    }

    @Test func theUpstreamsCountOfSearchesHolds() {
        let usage =
            #"{"prompt_tokens":1,"completion_tokens":1,"server_tool_use_details":"#
            + #"{"web_search_requests":3}}"#
        let stream =
            Self.annotation("https://a") + Upstream.text("x")
            + Upstream.chunk("{}", finish: "stop", more: ",\"usage\":\(usage)")
        let model = check(stream, setting: Self.setting)
        #expect(model.usage?["server_tool_use"]?["web_search_requests"]?.int == 3)
        #expect(model.usage?["server_tool_use"]?["web_fetch_requests"]?.int == 0)
    }

    @Test func annotationsDuringTheTextAreCitations() {
        let stream =
            Upstream.text("See") + Self.annotation("https://a", content: "said")
            + Upstream.text("!")
            + Upstream.end()
        let model = check(stream, setting: Self.setting)
        #expect(model.outline == ["text:See!", "server_tool_use", "web_search_tool_result"])
        #expect(model.content[2]["content"]?[0]?["url"] == .string("https://a"))
        let citation = model.content[0]["citations"]?[0]
        #expect(citation?["type"] == .string("web_search_result_location"))
        #expect(citation?["cited_text"] == .string("said"))
    }

    @Test func annotationsThatAreRepeatedCountOnce() {
        func all(_ urls: String...) -> String {
            let items = urls.map {
                #"{"type":"url_citation","url_citation":{"url":"\#($0)","title":"T","start_index":0,"end_index":3}}"#
            }
            return Upstream.chunk(
                #"{"content":"","annotations":[\#(items.joined(separator: ","))]}"#)
        }
        let stream =
            Upstream.text("See") + all("https://a") + all("https://a", "https://b")
            + all("https://a", "https://b") + Upstream.end()
        let model = check(stream, setting: Self.setting)
        #expect(model.content[0]["citations"]?.array.count == 2)
        #expect(model.content[2]["content"]?.array.count == 2)
    }

    @Test func oneSourceCitedAtTwoPlacesIsOneResult() {
        func cite(_ start: Int) -> String {
            Upstream.chunk(
                #"{"annotations":[{"type":"url_citation","url_citation":{"url":"https://a","title":"T","start_index":\#(start),"end_index":9}}]}"#
            )
        }
        let model = check(
            Upstream.text("See") + cite(0) + cite(5) + Upstream.end(), setting: Self.setting)
        #expect(model.content[0]["citations"]?.array.count == 2)
        #expect(model.content[2]["content"]?.array.count == 1)
    }

    @Test func annotationsOnTheChoiceCount() {
        let choice = Upstream.event(
            #"{"choices":[{"index":0,"delta":{},"annotations":[{"type":"url_citation","url_citation":{"url":"https://a","title":"T"}}]}]}"#
        )
        let model = check(
            Upstream.text("See") + choice + Upstream.end(), setting: Self.setting)
        #expect(model.outline == ["text:See", "server_tool_use", "web_search_tool_result"])
        #expect(model.content[0]["citations"]?.array.count == 1)
    }

    @Test func resultsWithoutTextAreShownAtTheEnd() {
        let model = check(Self.annotation("https://a") + Upstream.end(), setting: Self.setting)
        #expect(model.outline == ["server_tool_use", "web_search_tool_result"])
    }

    @Test func whoOffersNoSearchSeesNone() {
        let model = check(Self.annotation("https://a") + Upstream.text("x") + Upstream.end())
        #expect(model.outline == ["text:x"])
        #expect(model.usage?["server_tool_use"] == nil)
    }

    @Test func malformedAnnotationsAreIgnored() {
        let stream =
            Upstream.chunk(#"{"annotations":[null,7,{},{"url_citation":{"url":7}}]}"#)
            + Upstream.chunk(#"{"annotations":{}}"#) + Upstream.text("x") + Upstream.end()
        #expect(check(stream, setting: Self.setting).outline == ["text:x"])
    }
}
